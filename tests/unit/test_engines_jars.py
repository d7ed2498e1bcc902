"""Claims about the jars: what the locks name, and that nothing else is ever used."""

import hashlib
import re
from pathlib import Path

import pyspark
import pytest

from engines import jars
from engines.errors import EnginesError

# Those of the benchmarks too, which `make setup` does not fetch.
LOCKED = sorted(lock.parent.name for lock in jars.LOCKS.glob("*/jgo.lock.toml"))


def test_every_locked_jar_has_a_digest_and_no_lock_has_an_address() -> None:
    for name in LOCKED:
        assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars.locked_jars(name))
        assert "://" not in (jars.LOCKS / name / "jgo.lock.toml").read_text()


def test_locks_belong_to_their_projects() -> None:
    for name in LOCKED:
        spec = (jars.LOCKS / name / "jgo.toml").read_bytes()
        recorded = re.search('spec_hash = "(.+)"', (jars.LOCKS / name / "jgo.lock.toml").read_text())
        assert recorded is not None
        assert hashlib.sha256(spec).hexdigest().startswith(recorded[1])


def test_the_brokers_logging_brings_no_library_but_itself() -> None:
    assert [jar.artifact for jar in jars.locked_jars("log4j-slf4j-impl")] == ["log4j-slf4j-impl"]


def test_the_connectors_jars_double_none_of_pysparks() -> None:
    present = {re.sub(r"-[\d.]+\.jar$", "", path.name) for path in Path(pyspark.__path__[0], "jars").iterdir()}
    assert not present & {jar.artifact for jar in jars.locked_jars("spark")}


def test_connector_and_pyspark_are_of_one_version() -> None:
    assert {jar.version for jar in jars.locked_jars("spark") if jar.group == "org.apache.spark"} == {
        pyspark.__version__
    }


def test_synced_jars_are_the_locked_ones_in_class_path_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    already = jars.jar_paths("spark")
    monkeypatch.setenv("ELECTION_JARS", str(tmp_path))
    # The user's Maven cache serves what it has, so this needs no network.
    cache = tmp_path / "maven"
    for path, jar in zip(already, jars.locked_jars("spark"), strict=True):
        (cache / jar.maven_path).parent.mkdir(parents=True)
        (cache / jar.maven_path).write_bytes(path.read_bytes())
    monkeypatch.setenv("M2_REPO", str(cache))
    assert "4 fetched" in jars.sync("spark")
    assert "0 fetched" in jars.sync("spark")
    assert [path.name for path in jars.jar_paths("spark")] == [path.name for path in already]
    assert [path.read_bytes() for path in jars.jar_paths("spark")] == [path.read_bytes() for path in already]


def test_a_damaged_jar_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [good] = jars.jar_paths("log4j-slf4j-impl")
    [jar] = jars.locked_jars("log4j-slf4j-impl")
    monkeypatch.setenv("ELECTION_JARS", str(tmp_path))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "maven"))
    (tmp_path / "maven" / jar.maven_path).parent.mkdir(parents=True)
    (tmp_path / "maven" / jar.maven_path).write_bytes(good.read_bytes())
    (tmp_path / "log4j-slf4j-impl").mkdir()
    (tmp_path / "log4j-slf4j-impl" / jar.file_name).write_bytes(b"half a jar")
    assert "1 fetched" in jars.sync("log4j-slf4j-impl")
    assert jars.jar_paths("log4j-slf4j-impl")[0].read_bytes() == good.read_bytes()


def test_a_jar_that_is_not_there_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTION_JARS", str(tmp_path))
    with pytest.raises(EnginesError, match=r"4 of the 4 spark jars.*make setup"):
        jars.jar_paths("spark")
