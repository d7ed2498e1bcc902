"""Further installations on the session's engines: a database of their own, and topics of other names."""

from dataclasses import replace

import psycopg
from psycopg import sql
from pyspark.sql import SparkSession

from election_assets.counting import count_settings
from election_assets.schema import install_schema
from election_assets.settings import Settings
from spark.figures import CountFigures
from spark.stream import count
from tests.support.ledger import Rows, ledger_of, owner

# Tables whose rows `ledger_of` gives without the number of the election, which is another in each database.
_WITHOUT_NUMBER = ("positions", "participation")


def empty_database(settings: Settings, name: str) -> Settings:
    """Make a database without any schema on the same server; the topics stay the same."""
    with owner(settings) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return replace(settings, postgres_database=name)


def empty_installation(settings: Settings, name: str) -> Settings:
    """Make an installation that knows no election: a database with the schema, and topics that are not there."""
    found = with_other_topics(empty_database(settings, name), name)
    install_schema(found.conninfo("owner"))
    return found


def with_other_topics(settings: Settings, name: str) -> Settings:
    """Return the settings with topics that begin with a name."""
    return replace(
        settings,
        votes_topic=f"{name}.votes",
        elections_topic=f"{name}.elections",
        results_topic=f"{name}.results",
        voters_topic=f"{name}.voters",
        candidates_topic=f"{name}.candidates",
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables that lead a command to an installation of the session's engines."""
    return {
        "ELECTION_POSTGRES_DATABASE": settings.postgres_database,
        "ELECTION_KAFKA_VOTES_TOPIC": settings.votes_topic,
        "ELECTION_KAFKA_ELECTIONS_TOPIC": settings.elections_topic,
        "ELECTION_KAFKA_RESULTS_TOPIC": settings.results_topic,
        "ELECTION_KAFKA_VOTERS_TOPIC": settings.voters_topic,
        "ELECTION_KAFKA_CANDIDATES_TOPIC": settings.candidates_topic,
    }


def counted_there(session: SparkSession, settings: Settings, election_id: str) -> CountFigures:
    """Count an election of an installation until all is judged."""
    return count(session, count_settings(settings, election_id, idle_seconds=0.2))


def numberless(settings: Settings, election_id: str) -> dict[str, Rows]:
    """Return the ledger of an election row for row, as any database has it."""
    return {
        table: rows if table in _WITHOUT_NUMBER else [row[1:] for row in rows]
        for table, rows in ledger_of(settings, election_id).items()
    }


def knows(settings: Settings, election_id: str) -> bool:
    """Tell whether the registry of an installation has an election."""
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        found = connection.execute("select 1 from registry.elections where election_id = %s", (election_id,))
        return found.fetchone() is not None
