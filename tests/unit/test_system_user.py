"""Claims about the user that Postgres runs as where its starter is root."""

import os
import pwd
import subprocess
from collections.abc import Callable

import pytest

from engines import system_user
from engines.errors import EnginesError

FOUND = pwd.struct_passwd(("pgserver", "x", 999, 999, "", "/", "/usr/sbin/nologin"))

Made = Callable[[str, int], None]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Let `useradd` end with these words, and the user be there after so many looks."""

    def arrange(said: str, looks: int) -> None:
        left = iter(range(looks))

        def looked(_: str) -> pwd.struct_passwd:
            if next(left, None) is not None:
                raise KeyError("pgserver")
            return FOUND

        ended = subprocess.CompletedProcess([], 1 if said else 0, "", said)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(pwd, "getpwnam", looked)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
        monkeypatch.setattr(system_user, "_OTHERS_MAKE_SECONDS", 0.3)
        monkeypatch.setattr(system_user.shutil, "which", lambda _: "/usr/sbin/useradd")

    return arrange


def test_it_is_made_where_it_is_missing(made: Made) -> None:
    made("", 1)
    assert system_user.postgres_user() == FOUND


def test_one_that_another_home_is_making_is_waited_for(made: Made) -> None:
    made("useradd: cannot lock /etc/passwd; try again later.", 3)
    assert system_user.postgres_user() == FOUND


@pytest.mark.parametrize("said", ["useradd: cannot lock /etc/passwd; try again later.", "useradd: no space left"])
def test_what_keeps_it_from_being_made_is_said(made: Made, said: str) -> None:
    made(said, 1000)
    with pytest.raises(EnginesError, match=said):
        system_user.postgres_user()
