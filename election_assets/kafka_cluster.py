"""Where Kafka is, and how its clients log in there: kafka-python's and Spark's are told the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka.errors import AuthorizationError, KafkaError, SaslAuthenticationFailedError

from election_assets.errors import PermanentError, TransientError

# Mechanism → the Java client's login module.
LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """A Kafka cluster as its clients have to know it; as text, its addresses.

    `ca_file` and `certificate_file` are PEM: who signed the brokers' certificates, where the system's authorities have
    not, and the client's own certificate after its private key (PKCS #8), where brokers ask for one.
    """

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None

    def __str__(self) -> str:
        return self.bootstrap_servers

    @property
    def has_login(self) -> bool:
        """Return whether a client says who it is by name and password."""
        return self.security_protocol.startswith("SASL_")

    @property
    def has_tls(self) -> bool:
        """Return whether client and broker speak TLS."""
        return self.security_protocol.endswith("SSL")

    def client_options(self) -> dict[str, Any]:
        """Return what any client of kafka-python is given to connect."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
        }
        if self.has_login:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if self.ca_file:
            options["ssl_cafile"] = str(self.ca_file)
        if self.certificate_file:
            options["ssl_certfile"] = str(self.certificate_file)
        return options

    def spark_options(self) -> dict[str, str]:
        """Return the options of Spark's source; certificates by their text, since workers elsewhere lack the files."""
        options = {
            "kafka.bootstrap.servers": self.bootstrap_servers,
            "kafka.security.protocol": self.security_protocol,
        }
        if self.sasl_mechanism:
            module = LOGIN_MODULES[self.sasl_mechanism]
            login = f"username={_quoted(self.username)} password={_quoted(self.password)}"
            options |= {
                "kafka.sasl.mechanism": self.sasl_mechanism,
                "kafka.sasl.jaas.config": f"{module} required {login};",
            }
        if self.ca_file:
            options |= {
                "kafka.ssl.truststore.type": "PEM",
                "kafka.ssl.truststore.certificates": self.ca_file.read_text(),
            }
        if self.certificate_file:
            key, _, chain = self.certificate_file.read_text().partition("-----BEGIN CERTIFICATE-----")
            options |= {
                "kafka.ssl.keystore.type": "PEM",
                "kafka.ssl.keystore.key": key,
                "kafka.ssl.keystore.certificate.chain": f"-----BEGIN CERTIFICATE-----{chain}",
            }
        return options


@contextmanager
def kafka_errors(kafka: KafkaCluster) -> Iterator[None]:
    """Turn what kafka-python raises into a PermanentError where Kafka refuses, a TransientError where it is away."""
    try:
        with refusals(kafka):
            yield
    except KafkaError as error:
        # While it looks for a first broker, the client keeps to itself that one does not let it in.
        login = " Or it does not know ELECTION_KAFKA_USERNAME by ELECTION_KAFKA_PASSWORD." if kafka.has_login else ""
        tls = " Or its certificate is none of ELECTION_KAFKA_CA_FILE, or for another address." if kafka.has_tls else ""
        raise TransientError(
            f"Kafka at {kafka} did not answer ({type(error).__name__}: {error}). "
            f"`election status` shows the engines; `election up` starts them.{login}{tls}"
        ) from error


@contextmanager
def refusals(kafka: KafkaCluster) -> Iterator[None]:
    """Turn only a refusal into a PermanentError, for who has words of their own for a broker that is away."""
    try:
        yield
    except (SaslAuthenticationFailedError, AuthorizationError) as error:
        who = kafka.username or "a client without a name"
        raise PermanentError(
            f"Kafka at {kafka} refuses {who} ({type(error).__name__}: {error}). "
            "ELECTION_KAFKA_USERNAME and ELECTION_KAFKA_PASSWORD say who asks; docs/operations.md has the rights that "
            "are needed."
        ) from error


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
