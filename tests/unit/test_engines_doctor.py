"""Claims about what the doctor says, and about Java, before anything is started."""

import socket
from pathlib import Path

import pytest

from engines import doctor
from engines.endpoints import settled_endpoints
from engines.errors import EnginesError
from engines.home import Home
from engines.java import find_java, java_major
from engines.ports import free_port
from engines.processes import Process, record
from engines.stack import down, status, up


def made_java(folder: Path, prints: str) -> Path:
    """Make a `java` that prints a version as Java does, to standard error."""
    (folder / "bin").mkdir()
    java = folder / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("prints", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "26-ea" 2026-03-17', 26),
        ('java version "1.8.0_392"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "11.0.2" 2019-01-15', 11),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_javas_version_is_read_from_what_it_prints(prints: str, major: int | None) -> None:
    assert java_major(prints) == major


def test_java_home_wins_over_path(tmp_path: Path) -> None:
    java = made_java(tmp_path, 'openjdk version "21.0.1"')
    assert find_java({"JAVA_HOME": str(tmp_path), "PATH": "/nowhere"}) == java
    assert find_java({"PATH": str(java.parent)}) == java


def test_a_missing_java_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(EnginesError, match=r"not on PATH.*apt-get install openjdk-17.*brew install"):
        find_java({"PATH": str(tmp_path)})
    with pytest.raises(EnginesError, match=r"JAVA_HOME is .*no bin/java"):
        find_java({"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin"})


def test_an_old_java_is_one_sentence_with_the_version_found(tmp_path: Path) -> None:
    made_java(tmp_path, 'openjdk version "11.0.2" 2019-01-15')
    with pytest.raises(EnginesError, match=r"is Java 11, and 17 or newer is needed.*install"):
        find_java({"JAVA_HOME": str(tmp_path)})


def test_without_java_nothing_is_started_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    home = Home(tmp_path / "home")
    with pytest.raises(EnginesError, match="Java is not on PATH"):
        up(home)
    assert not home.env_file.exists()
    assert [found.state for found in status(home)] == ["stopped", "stopped"]
    assert not next(finding for finding in doctor.diagnose(home) if finding.name == "java").ok


def test_missing_jars_are_named_with_the_command_that_fetches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELECTION_JARS", str(tmp_path))
    finding = doctor.jars("kafka")
    assert not finding.ok
    assert "make setup" in finding.sentence
    with pytest.raises(EnginesError, match="make setup"):
        up(Home(tmp_path / "home"))


def test_a_taken_port_is_one_sentence_that_names_it_and_the_setting(tmp_path: Path) -> None:
    port = free_port(set())
    with socket.create_server(("127.0.0.1", port)):
        postgres, kafka = doctor.ports(Home(tmp_path, postgres_port=port))
    assert not postgres.ok
    assert str(port) in postgres.sentence
    assert "ELECTION_POSTGRES_PORT" in postgres.sentence
    assert kafka.ok


def test_a_remembered_port_taken_meanwhile_is_found(tmp_path: Path) -> None:
    endpoints = settled_endpoints(Home(tmp_path))
    with socket.create_server(("127.0.0.1", endpoints.kafka_port)):
        _, kafka = doctor.ports(Home(tmp_path))
    assert not kafka.ok
    assert "ELECTION_KAFKA_PORT" in kafka.sentence


def test_a_full_disk_is_one_sentence_with_figures(tmp_path: Path) -> None:
    assert doctor.disk(Home(tmp_path / "not" / "yet" / "there"), needed=1).ok
    full = doctor.disk(Home(tmp_path), needed=1 << 60)
    assert not full.ok
    assert "GiB are free" in full.sentence
    assert "ELECTION_HOME" in full.sentence


def test_too_little_memory_is_said_with_figures() -> None:
    assert doctor.memory(needed=1).ok
    assert "GiB of memory" in doctor.memory(needed=1 << 60).sentence
    assert not doctor.memory(needed=1 << 60).ok


def test_a_home_inside_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert doctor.home_folder(Home(tmp_path)).ok
    assert not doctor.home_folder(Home(tmp_path / "file" / "home")).ok


def test_an_engine_that_died_is_told_from_one_that_was_stopped(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settled_endpoints(home)
    record(tmp_path / "kafka.pid", Process(1, "another-boot/1"))
    postgres, kafka = status(home)
    assert (postgres.state, kafka.state) == ("stopped", "dead")
    assert "election up" in kafka.remedy
    assert [finding.name for finding in doctor.diagnose(home) if not finding.ok] == ["kafka"]


def test_stopping_a_home_that_never_was_leaves_no_trace(tmp_path: Path) -> None:
    assert down(Home(tmp_path / "home")) == []
    assert not (tmp_path / "home").exists()


def test_an_address_of_another_machine_is_found_out_before_anything_is_started(tmp_path: Path) -> None:
    assert doctor.address(Home(tmp_path)).sentence == "The engines' address is 127.0.0.1."
    # TEST-NET-1 (RFC 5737) is nobody's.
    elsewhere = Home(tmp_path, host="192.0.2.7")
    assert not doctor.address(elsewhere).ok
    with pytest.raises(EnginesError, match=r"listen on 192\.0\.2\.7, which is no address of this machine"):
        up(elsewhere)
