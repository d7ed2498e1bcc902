"""Claims about a home: where it is, which ports it has, and who can read its secrets."""

import socket
import stat
import threading
from pathlib import Path

import pytest

from engines.endpoints import known_endpoints, settled_endpoints
from engines.errors import EnginesError
from engines.home import PROJECT, Home, home_from, locked
from engines.ports import free_port, is_taken
from engines.roles import LOGIN_ROLES


def test_without_settings_the_home_is_beside_the_project() -> None:
    assert home_from({}) == Home(PROJECT / ".election")


def test_settings_name_the_home_and_fix_its_ports(tmp_path: Path) -> None:
    environ = {
        "ELECTION_HOME": str(tmp_path),
        "ELECTION_POSTGRES_PORT": "6001",
        "ELECTION_KAFKA_PORT": " 6002 ",
    }
    assert home_from(environ) == Home(tmp_path, 6001, 6002)


@pytest.mark.parametrize("value", ["0", "65536", "-1", "abc", "6001.0", "²"])
def test_a_value_that_is_no_port_is_named_in_the_refusal(value: str) -> None:
    with pytest.raises(EnginesError, match="ELECTION_KAFKA_PORT is") as refusal:
        home_from({"ELECTION_KAFKA_PORT": value})
    assert repr(value) in str(refusal.value)


def test_engines_are_where_the_setting_says_and_stay_there(tmp_path: Path) -> None:
    before = settled_endpoints(Home(tmp_path))
    assert before.host == "127.0.0.1"
    moved = settled_endpoints(home_from({"ELECTION_HOME": str(tmp_path), "ELECTION_HOST": "127.0.0.2"}))
    assert moved.values["ELECTION_POSTGRES_HOST"] == "127.0.0.2"
    assert moved.bootstrap_servers == f"127.0.0.2:{before.kafka_port}"
    assert moved.controller_ports == before.controller_ports
    assert settled_endpoints(Home(tmp_path)) == moved


@pytest.mark.parametrize("value", ["a b", "http://host", "::1", "host:9092", "-host", "."])
def test_a_value_that_is_no_address_is_named_in_the_refusal(value: str) -> None:
    with pytest.raises(EnginesError, match="ELECTION_HOST is") as refusal:
        home_from({"ELECTION_HOST": value})
    assert repr(value) in str(refusal.value)


def test_two_engines_cannot_be_given_one_port() -> None:
    with pytest.raises(EnginesError, match="both 6001"):
        home_from({"ELECTION_POSTGRES_PORT": "6001", "ELECTION_KAFKA_PORT": "6001"})


def test_only_the_owner_can_read_the_env_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settled_endpoints(home)
    assert stat.S_IMODE(home.env_file.stat().st_mode) == 0o600


def test_endpoints_are_remembered_and_never_shown(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settled = settled_endpoints(home)
    assert settled_endpoints(home) == settled == known_endpoints(home)
    assert settled.password("owner") not in repr(settled)
    assert settled.values["ELECTION_KAFKA_BOOTSTRAP_SERVERS"] == f"127.0.0.1:{settled.kafka_port}"


def test_every_role_of_every_home_has_a_password_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    homes = [settled_endpoints(Home(tmp_path / name)) for name in ("a", "b")]
    passwords = {endpoints.password(role) for endpoints in homes for role in ("owner", *LOGIN_ROLES)}
    assert len(passwords) == 2 * (1 + len(LOGIN_ROLES))
    assert min(map(len, passwords)) >= 32


def test_a_fixed_port_replaces_the_remembered_one(tmp_path: Path) -> None:
    before = settled_endpoints(Home(tmp_path))
    port = free_port(set())
    after = settled_endpoints(Home(tmp_path, kafka_port=port))
    assert after.kafka_port == port
    assert after.postgres_port == before.postgres_port
    assert after.password("reader") == before.password("reader")


def test_a_missing_line_is_completed_and_the_rest_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before = settled_endpoints(home)
    lines = home.env_file.read_text().splitlines()
    home.env_file.write_text("\n".join(line for line in lines if "PASSWORD_AUDITOR" not in line) + "\n")
    after = settled_endpoints(home)
    assert {key for key in before.values if before.values[key] != after.values[key]} == {
        "ELECTION_POSTGRES_PASSWORD_AUDITOR"
    }


def test_a_damaged_env_file_is_refused_with_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.env_file.write_text("ELECTION_POSTGRES_PORT=no\n")
    with pytest.raises(EnginesError, match=r"engines\.env is damaged"):
        known_endpoints(home)


def test_the_controllers_port_moves_away_from_another_program(tmp_path: Path) -> None:
    before = settled_endpoints(Home(tmp_path))
    with socket.create_server(("127.0.0.1", before.controller_port)):
        after = settled_endpoints(Home(tmp_path))
    assert after.controller_port != before.controller_port
    assert after.kafka_port == before.kafka_port


def test_a_port_is_taken_while_somebody_listens_on_it() -> None:
    port = free_port(set())
    assert not is_taken(port)
    with socket.create_server(("127.0.0.1", port)):
        assert is_taken(port)
    assert not is_taken(port)


def test_one_command_at_a_time_holds_a_home(tmp_path: Path) -> None:
    waits = threading.Event()
    entered = threading.Event()

    def second() -> None:
        with locked(Home(tmp_path), lambda _: waits.set()):
            entered.set()

    with locked(Home(tmp_path), lambda _: None):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(5)
        assert not entered.is_set()
    other.join(5)
    assert entered.is_set()


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EnginesError, match=r"cannot be written to.*ELECTION_HOME"),
        locked(Home(tmp_path / "file" / "home"), lambda _: None),
    ):
        pass
