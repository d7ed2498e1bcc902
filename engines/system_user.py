"""The user Postgres runs as when its starter is root, since Postgres refuses to be root."""

import os
import pwd
import shutil
import stat
import subprocess
import time
from pathlib import Path

from engines.errors import EnginesError

# The name the wheel's own helper uses, so that both share one user.
SYSTEM_USER = "pgserver"

_OTHERS_MAKE_SECONDS = 10.0


def postgres_user() -> pwd.struct_passwd | None:
    """Return the user to run Postgres as, made where it is missing; None for an ordinary starter."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return _made_user()


def _made_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd")
    if useradd is None:
        raise EnginesError(
            f"Postgres refuses to run as root, there is no user {SYSTEM_USER} to run it as, and no `useradd` "
            "to make one; start the engines as an ordinary user, or make that user."
        )
    made = subprocess.run(
        [
            useradd,
            "--system",
            "--user-group",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            SYSTEM_USER,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    deadline = time.monotonic() + _OTHERS_MAKE_SECONDS
    while True:
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError as error:
            # Another home that is started for the first time may be making it, and `useradd` lets only one.
            if "lock" not in made.stderr or time.monotonic() > deadline:
                raise EnginesError(
                    f"Postgres refuses to run as root, and making the user {SYSTEM_USER} failed "
                    f"({made.stderr.strip()}); start the engines as an ordinary user."
                ) from error
        time.sleep(0.1)


def let_through(folder: Path) -> list[Path]:
    """Let other users pass through the folders above `folder`, without listing them; return those changed."""
    changed = []
    for parent in folder.parents:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
            changed.append(parent)
    return changed
