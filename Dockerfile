# The image of all services in Python and Spark. It copies, and calls the install script that `make setup` calls.
FROM eclipse-temurin:17.0.19_10-jre-noble AS java

FROM python:3.13.16-slim-bookworm AS installed
WORKDIR /opt/election
COPY . .
RUN ["engines/install.sh", ".venv", "--runtime"]

FROM python:3.13.16-slim-bookworm
# The id that the official image of Postgres gives its user: a key made here is then its own.
RUN useradd --uid 999 --user-group --create-home election \
    && install --directory --owner 999 --group 999 --mode 0700 \
       /var/lib/election /var/lib/election/dagster /run/election \
       /secrets /secrets/postgres /secrets/count /secrets/dagster /secrets/page /secrets/spark
COPY --from=java /opt/java/openjdk /opt/java/openjdk
COPY --from=installed /opt/election /opt/election
ENV JAVA_HOME=/opt/java/openjdk \
    PATH=/opt/election/.venv/bin:/opt/java/openjdk/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ELECTION_HOME=/var/lib/election \
    ELECTION_ENV_FILE=/run/election/engines.env
WORKDIR /opt/election
USER 999:999
CMD ["election", "--help"]
