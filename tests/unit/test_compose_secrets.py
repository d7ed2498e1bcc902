"""Claims about the secrets of Docker Compose's services: each has its own, made once, and a certificate that lasts."""

import ipaddress
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from engines import compose
from engines.compose import SHARES, main, make_secrets
from engines.errors import EnginesError

HOST = "192.0.2.7"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The volumes as they are at first."""
    for share in SHARES:
        (tmp_path / share).mkdir()
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def certificate(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "postgres" / "root.crt").read_bytes())


def test_each_share_has_the_passwords_of_its_roles_alone_and_its_owner_alone_can_read_them(folder: Path) -> None:
    make_secrets(folder, HOST)
    known = dict(line.split("=") for line in (folder / "postgres" / "engines.env").read_text().splitlines())
    assert len(set(known.values())) == 7
    for share, roles in SHARES.items():
        lines = (folder / share / "engines.env").read_text().splitlines()
        names = [f"ELECTION_POSTGRES_PASSWORD_{role.upper()}" for role in roles]
        assert lines == [f"{name}={known[name]}" for name in names]
    assert (folder / "postgres" / "owner.password").read_text() == known["ELECTION_POSTGRES_PASSWORD_OWNER"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_again_nothing_changes_and_what_is_lost_comes_back_the_same(folder: Path) -> None:
    assert make_secrets(folder, HOST)
    before = contents(folder)
    assert make_secrets(folder, HOST) == []
    (folder / "page" / "engines.env").unlink()
    assert make_secrets(folder, HOST) == ["page/engines.env"]
    assert contents(folder) == before


def test_a_removed_line_is_a_new_password_for_all_who_have_it(folder: Path) -> None:
    make_secrets(folder, HOST)
    file = folder / "postgres" / "engines.env"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "READER" not in line))
    assert make_secrets(folder, HOST) == ["postgres/engines.env", "count/engines.env", "page/engines.env"]


def test_the_certificate_is_of_every_name_by_which_postgres_is_found(folder: Path) -> None:
    make_secrets(folder, HOST)
    names = certificate(folder).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["postgres", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(one) for one in ("127.0.0.1", HOST)]
    assert certificate(folder).not_valid_after_utc - datetime.now(UTC) > timedelta(days=700)
    assert len({(folder / share / "root.crt").read_bytes() for share in SHARES}) == 1


def test_it_is_made_anew_for_another_address_or_near_its_end_and_passwords_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_secrets(folder, HOST)
    renewed = ["postgres/server.key", *(f"{share}/root.crt" for share in SHARES)]
    assert make_secrets(folder, "db.example") == renewed
    monkeypatch.setattr(compose, "_RENEW", timedelta(days=800))
    assert make_secrets(folder, "db.example") == renewed


def test_a_volume_that_is_missing_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EnginesError, match="each of postgres, count, dagster, page, spark there"):
        make_secrets(tmp_path, HOST)
    assert main([str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_command_says_what_is_new_and_takes_the_address_from_its_setting(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELECTION_HOST", HOST)
    assert main([str(folder)]) == 0
    assert "postgres/owner.password" in capsys.readouterr().out
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == "All secrets are there.\n"
