"""What the changelog says of a version: `python .ci/release_notes.py v0.1.0` prints its section for the release.

Standard library only: it runs before anything is installed.
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def notes_of(tag: str, changelog: str, version: str) -> str:
    """Return the section of the tag `v<version>`; raise ValueError where tag, version and changelog do not agree."""
    if tag != f"v{version}":
        raise ValueError(
            f"The tag is {tag}, and pyproject.toml has version {version}: set the version to the tag's and tag anew."
        )
    for section in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        if heading.split(maxsplit=1)[:1] == [version]:
            if not body.strip():
                raise ValueError(f"CHANGELOG.md has nothing under «## {version}»: say what changed, and tag anew.")
            return body.strip() + "\n"
    raise ValueError(
        f"CHANGELOG.md has no section «## {version}»: give «## Unreleased» that heading and a date, and tag anew."
    )


def main(tag: str) -> None:
    """Print the notes; what does not agree ends with its one sentence."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    try:
        notes = notes_of(tag, (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), project["version"])
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(notes)


if __name__ == "__main__":
    main(sys.argv[1])
