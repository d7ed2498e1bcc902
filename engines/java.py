"""Java: where it is, and whether it is new enough for Kafka 4 and Spark 4."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from engines.errors import EnginesError

OLDEST_JAVA = 17

INSTALL_JAVA = (
    "install it (Debian, Ubuntu: `sudo apt-get install openjdk-17-jre-headless`; macOS: `brew install "
    "openjdk@17` and set JAVA_HOME as it says), then try again"
)


def find_java(environ: Mapping[str, str]) -> Path:
    """Return the `java` of JAVA_HOME, or else of PATH; raise EnginesError where it is missing or too old."""
    java = _candidate(environ)
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnginesError(f"{java} does not run ({error}); {INSTALL_JAVA}.") from error
    major = java_major(answer.stderr + answer.stdout)
    if answer.returncode != 0 or major is None:
        raise EnginesError(f"{java} does not tell its version; Java {OLDEST_JAVA} or newer is needed: {INSTALL_JAVA}.")
    if major < OLDEST_JAVA:
        raise EnginesError(f"{java} is Java {major}, and {OLDEST_JAVA} or newer is needed: {INSTALL_JAVA}.")
    return java


def _candidate(environ: Mapping[str, str]) -> Path:
    java_home = environ.get("JAVA_HOME", "").strip()
    if java_home:
        java = Path(java_home) / "bin" / "java"
        if not java.is_file():
            raise EnginesError(
                f"JAVA_HOME is {java_home}, where there is no bin/java; set it to a Java {OLDEST_JAVA} "
                "or newer, or unset it to use the one on PATH."
            )
        return java
    found = shutil.which("java", path=environ.get("PATH", ""))
    if found is None:
        raise EnginesError(f"Java is not on PATH and JAVA_HOME is not set; {INSTALL_JAVA}.")
    return Path(found)


def java_major(text: str) -> int | None:
    """Read the major version from what `java -version` prints; None where it says none."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if match is None:
        return None
    first, second = match.groups()
    # Up to Java 8 the version was written 1.8.0.
    return int(second) if first == "1" and second else int(first)
