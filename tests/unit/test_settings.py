"""Settings come from the environment over the home's file, and what is missing is named at once."""

import re
from pathlib import Path

import pytest

from election_assets.errors import PermanentError
from election_assets.kafka_cluster import KafkaCluster
from election_assets.settings import PROJECT, ROLES, PeopleSource, Settings
from spark.session import spark_config

COMPLETE = {
    "ELECTION_POSTGRES_HOST": "db.example",
    "ELECTION_POSTGRES_PORT": "5433",
    "ELECTION_POSTGRES_DATABASE": "election",
    "ELECTION_KAFKA_BOOTSTRAP_SERVERS": "k1:9092,k2:9092",
    "ELECTION_POSTGRES_PASSWORD_READER": "a secret",
}


def test_every_missing_name_is_named_at_once_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as raised:
        Settings.from_environment({"ELECTION_HOME": str(tmp_path), "ELECTION_POSTGRES_HOST": "db"})
    for name in ("ELECTION_POSTGRES_PORT", "ELECTION_POSTGRES_DATABASE", "ELECTION_KAFKA_BOOTSTRAP_SERVERS"):
        assert name in str(raised.value)
    assert "election up" in str(raised.value)


def test_what_is_set_wins_over_the_homes_file(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in COMPLETE.items()]
    (tmp_path / "engines.env").write_text("\n".join(["# made by `election up`", *lines]))
    settings = Settings.from_environment({"ELECTION_HOME": str(tmp_path), "ELECTION_POSTGRES_PORT": "6000"})
    assert (settings.postgres_host, settings.postgres_port) == ("db.example", 6000)
    assert "user=reader" in settings.conninfo("reader")


def test_a_password_never_shows_in_a_repr(tmp_path: Path) -> None:
    assert "a secret" not in repr(Settings.from_environment({**COMPLETE, "ELECTION_HOME": str(tmp_path)}))


def test_a_role_without_password_is_a_sentence_not_an_empty_password(tmp_path: Path) -> None:
    settings = Settings.from_environment({**COMPLETE, "ELECTION_HOME": str(tmp_path)})
    with pytest.raises(PermanentError, match="ELECTION_POSTGRES_PASSWORD_COUNTER"):
        settings.conninfo("counter")


@pytest.mark.parametrize("port", ["", "http", "70000", "-1"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    with pytest.raises(PermanentError, match="ELECTION_POSTGRES_PORT"):
        Settings.from_environment({**COMPLETE, "ELECTION_HOME": str(tmp_path), "ELECTION_POSTGRES_PORT": port})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"ELECTION_PEOPLE": "random"}, "ELECTION_PEOPLE is 'random'; it must be one of synthetic, api, file"),
        ({"ELECTION_PEOPLE": "api", "ELECTION_PEOPLE_URL": "ftp://people"}, "must be http://"),
        ({"ELECTION_PEOPLE": "api", "ELECTION_PEOPLE_URL": "http://["}, "must be http://"),
        ({"ELECTION_PEOPLE": "file"}, "ELECTION_PEOPLE_FILE must name"),
    ],
)
def test_people_from_nowhere_are_refused(tmp_path: Path, wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(PermanentError, match=sentence):
        Settings.from_environment({**COMPLETE, "ELECTION_HOME": str(tmp_path), **wrong})


def test_people_are_invented_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    settings = Settings.from_environment({**COMPLETE, "ELECTION_HOME": str(tmp_path), "ELECTION_PEOPLE": ""})
    assert settings.people.source is PeopleSource.SYNTHETIC
    assert settings.people.url == "https://randomuser.me/api/"


def test_cores_of_a_count_are_a_number_or_the_masters_to_give(tmp_path: Path) -> None:
    known = {**COMPLETE, "ELECTION_HOME": str(tmp_path)}
    assert Settings.from_environment(known).spark_cores is None
    assert Settings.from_environment({**known, "ELECTION_SPARK_CORES": "5"}).spark_cores == 5
    for wrong in ("0", "-1", "many"):
        with pytest.raises(PermanentError, match="ELECTION_SPARK_CORES is"):
            Settings.from_environment({**known, "ELECTION_SPARK_CORES": wrong})


def test_another_file_than_the_homes_can_have_endpoints_and_passwords(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text("\n".join(f"{name}={value}" for name, value in COMPLETE.items()))
    settings = Settings.from_environment({"ELECTION_HOME": str(tmp_path), "ELECTION_ENV_FILE": str(file)})
    assert settings.passwords["reader"] == "a secret"
    with pytest.raises(PermanentError, match=f"not in {tmp_path}/nowhere"):
        Settings.from_environment({"ELECTION_HOME": str(tmp_path), "ELECTION_ENV_FILE": f"{tmp_path}/nowhere"})


def test_a_count_that_workers_elsewhere_reach_has_ports_that_a_firewall_can_know(tmp_path: Path) -> None:
    known = {**COMPLETE, "ELECTION_HOME": str(tmp_path)}
    alone = spark_config([], tmp_path, Settings.from_environment(known).spark_driver_host)
    assert alone["spark.driver.host"] == alone["spark.driver.bindAddress"] == "127.0.0.1"
    assert "spark.driver.port" not in alone
    named = Settings.from_environment({**known, "ELECTION_SPARK_DRIVER_HOST": "count.example"})
    reached = spark_config([], tmp_path, named.spark_driver_host)
    assert (reached["spark.driver.host"], reached["spark.driver.bindAddress"]) == ("count.example", "0.0.0.0")
    ports = [reached[f"spark.{name}"] for name in ("driver.port", "driver.blockManager.port", "blockManager.port")]
    assert ports == ["7100", "7120", "7140"]


def test_the_example_names_every_setting() -> None:
    example = set(re.findall(r"^(ELECTION_\w+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))
    sources = [
        *PROJECT.glob("election_assets/**/*.py"),
        *PROJECT.glob("engines/*.py"),
        *PROJECT.glob("dashboard/**/*.py"),
    ]
    named = set(re.findall(r'"(ELECTION_[A-Z_]+)"', "\n".join(file.read_text() for file in sources)))
    passwords = {f"ELECTION_POSTGRES_PASSWORD_{role.upper()}" for role in ROLES}
    # What only the engines need to know of each other is made with the home, and never set.
    inner = {
        "ELECTION_KAFKA_CLUSTER_ID",
        "ELECTION_KAFKA_CONTROLLER_PORT",
        "ELECTION_SPARK_MASTER_PAGE_PORT",
        "ELECTION_SPARK_WORKER_PORTS",
        "ELECTION_SPARK_WORKER_PAGE_PORTS",
    }
    assert example == (named - inner) | passwords


def kafka_of(home: Path, **changes: str) -> KafkaCluster:
    """Return how Kafka is reached with these of its settings."""
    named = {f"ELECTION_KAFKA_{name}": value for name, value in changes.items()}
    return Settings.from_environment({**COMPLETE, "ELECTION_HOME": str(home), **named}).kafka


LOGIN = {"SASL_MECHANISM": "SCRAM-SHA-512", "USERNAME": "counter", "PASSWORD": "a secret"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECURITY_PROTOCOL": "TLS"}, "is 'TLS'; it must be one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, "needs ELECTION_KAFKA_PASSWORD, ELECTION_KAFKA_SASL_MECHANISM, .*USERNAME"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", **LOGIN, "PASSWORD": ""}, "needs ELECTION_KAFKA_PASSWORD"),
        ({"SECURITY_PROTOCOL": "SSL", **LOGIN}, "has no use for ELECTION_KAFKA_PASSWORD"),
        (LOGIN, "is PLAINTEXT, which has no use for ELECTION_KAFKA_PASSWORD"),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", **LOGIN, "SASL_MECHANISM": "GSSAPI"},
            "is 'GSSAPI'; it must be one of PLAIN",
        ),
        ({"SECURITY_PROTOCOL": "SSL", "CA_FILE": "/nowhere/ca.pem"}, "CA_FILE is '/nowhere/ca.pem', where there is no"),
        ({"SECURITY_PROTOCOL": "SSL", "CERTIFICATE_FILE": "/nowhere"}, "CERTIFICATE_FILE is '/nowhere', where there"),
    ],
)
def test_settings_of_kafka_that_do_not_go_together_are_refused(
    tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(PermanentError, match=sentence):
        kafka_of(tmp_path, **changes)


def test_kafkas_clients_are_told_the_same_and_show_no_password(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("a certificate")
    kafka = kafka_of(
        tmp_path,
        SECURITY_PROTOCOL="SASL_SSL",
        CA_FILE=str(authority),
        **{**LOGIN, "PASSWORD": 'qu"ote and \\ back'},
    )
    assert "ote and" not in repr(kafka) + str(kafka)
    assert kafka.client_options() == {
        "bootstrap_servers": "k1:9092,k2:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "counter",
        "sasl_plain_password": 'qu"ote and \\ back',
        "ssl_cafile": str(authority),
    }
    assert kafka.spark_options() == {
        "kafka.bootstrap.servers": "k1:9092,k2:9092",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="counter" password="qu\\"ote and \\\\ back";',
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.certificates": "a certificate",
    }
