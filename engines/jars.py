"""The Java libraries: which ones the locks name, where they lie, and fetching them.

Each set is a jgo project of its own in `engines/jars/`, since resolved together one's versions
leak into another. `jgo lock` in such a folder renews its lock; nothing here resolves anything.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import EnginesError
from engines.home import PROJECT

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCKS = PROJECT / "engines" / "jars"
PROJECTS = ("kafka", "log4j-slf4j-impl", "spark")


@dataclass(frozen=True, slots=True)
class Jar:
    """One library as the lock names it."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name Maven gives its file."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def maven_path(self) -> Path:
        """Where a Maven repository keeps it."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)


def jar_paths(name: str) -> list[Path]:
    """Return the jars of a set in the order of its class path; raise EnginesError where one is missing."""
    folder = jars_folder() / name
    paths = [folder / jar.file_name for jar in locked_jars(name)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise EnginesError(
            f"{len(missing)} of the {len(paths)} {name} jars are not in {folder} (first {missing[0]}); "
            "run `make setup`, which fetches them."
        )
    return paths


def jars_folder() -> Path:
    """Return the folder all homes take their jars from: ELECTION_JARS, or `.jars` beside the project."""
    named = os.environ.get("ELECTION_JARS", "").strip()
    return Path(named).expanduser().absolute() if named else PROJECT / ".jars"


def locked_jars(name: str) -> list[Jar]:
    """Read the lock of a set."""
    with (LOCKS / name / "jgo.lock.toml").open("rb") as file:
        lock = tomllib.load(file)
    return [Jar(row["groupId"], row["artifactId"], row["version"], row["sha256"]) for row in lock["dependencies"]]


def sync(name: str) -> str:
    """Fetch the jars of a set that are not there or differ from the lock, and say how it stands."""
    folder = jars_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    jars = locked_jars(name)
    wanted = [jar for jar in jars if not _matches(folder / jar.file_name, jar)]
    if wanted:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as staging:
            context = _maven(Path(staging))
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(lambda jar: _fetch(jar, context, folder), wanted))
    size = sum((folder / jar.file_name).stat().st_size for jar in jars)
    noun = "jar" if len(jars) == 1 else "jars"
    return f"{name}: {len(jars)} {noun}, {size / 1e6:.1f} MB, {len(wanted)} fetched, all as locked"


def _maven(staging: Path) -> "MavenContext":
    # jgo takes 0.35 s to import, and only fetching needs it.
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    # Repositories of the user's own jgo settings, such as a company's mirror; Maven Central otherwise.
    repositories = GlobalSettings.load().repositories or None
    return MavenContext(repo_cache=staging, local_repos=[], remote_repos=repositories, timeout=60)


def _fetch(jar: Jar, context: "MavenContext", folder: Path) -> None:
    """Put one verified jar into `folder`, from the user's Maven cache where it has the same bytes."""
    from jgo.constants import default_maven_repo

    source = default_maven_repo() / jar.maven_path
    if not _matches(source, jar):
        source = _download(jar, context)
    found = _sha256(source)
    if found != jar.sha256:
        raise EnginesError(
            f"{jar.file_name} as fetched has SHA-256 {found}, and the lock says {jar.sha256}; do not use it: "
            "find out what the repository serves, and whether the lock was changed."
        )
    temporary = context.repo_cache / jar.file_name
    shutil.copyfile(source, temporary)
    os.replace(temporary, folder / jar.file_name)


def _download(jar: Jar, context: "MavenContext") -> Path:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        return artifact.resolve()
    # OSError is what `requests` raises for a network that is away, RuntimeError jgo's word for not found.
    except (OSError, RuntimeError) as error:
        raise EnginesError(
            f"{jar.file_name} could not be fetched ({error}); look at the network, "
            "then run `make setup` again: what is already there is not fetched twice."
        ) from error


def _matches(path: Path, jar: Jar) -> bool:
    return path.is_file() and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Sync every set, a line each; return the exit code."""
    for name in PROJECTS:
        try:
            sys.stdout.write(f"{sync(name)}\n")
            sys.stdout.flush()
        except EnginesError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
