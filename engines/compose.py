"""What Docker Compose's first one-shot makes: passwords and a certificate, for each service in a volume of its own.

Run as `python -m engines.compose FOLDER`; in FOLDER is a folder for each of `SHARES`. Again it keeps what is there,
and makes a new certificate where the old one ends soon or lacks the address.
"""

import ipaddress
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from engines.endpoints import new_password, password_key
from engines.errors import EnginesError
from engines.home import home_from
from engines.ports import LOOPBACK
from engines.roles import LOGIN_ROLES, OWNER

# Whose passwords each share has; all have the certificate to know Postgres by.
SHARES: Mapping[str, Sequence[str]] = {
    "postgres": (OWNER, *LOGIN_ROLES),
    "count": LOGIN_ROLES,
    "dagster": ("dagster",),
    "page": ("reader",),
    "spark": (),
}
ENV_FILE, OWNER_FILE, KEY_FILE, CERTIFICATE_FILE = "engines.env", "owner.password", "server.key", "root.crt"

_VALID = timedelta(days=730)
_RENEW = timedelta(days=90)


def make_secrets(folder: Path, host: str) -> list[str]:
    """Complete the shares in `folder` for a Postgres that is found as `postgres`, localhost and `host`.

    Return the names of the files that are new. Raises EnginesError where a share is missing or cannot be written.
    """
    all_passwords = _passwords(folder / "postgres" / ENV_FILE)
    certificate = folder / "postgres" / CERTIFICATE_FILE
    wanted: dict[Path, bytes] = {folder / "postgres" / OWNER_FILE: all_passwords[OWNER].encode()}
    if _serves(certificate, host):
        public = certificate.read_bytes()
    else:
        private, public = _certificate(host)
        wanted[folder / "postgres" / KEY_FILE] = private
    for share, roles in SHARES.items():
        lines = "".join(f"{password_key(role)}={all_passwords[role]}\n" for role in roles)
        wanted |= {folder / share / ENV_FILE: lines.encode(), folder / share / CERTIFICATE_FILE: public}
    try:
        return [str(path.relative_to(folder)) for path, content in wanted.items() if _is_written(path, content)]
    except OSError as error:
        raise EnginesError(
            f"The secrets cannot be written to {folder} ({error}); each of {', '.join(SHARES)} there must be "
            "a folder of the user who runs this."
        ) from error


def _passwords(known: Path) -> dict[str, str]:
    lines = known.read_text(encoding="ascii").splitlines() if known.exists() else []
    values = dict(line.split("=", 1) for line in lines)
    return {role: values.get(password_key(role)) or new_password() for role in (OWNER, *LOGIN_ROLES)}


def _serves(file: Path, host: str) -> bool:
    if not file.exists():
        return False
    found = x509.load_pem_x509_certificate(file.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return _name(host) in names and found.not_valid_after_utc - datetime.now(UTC) > _RENEW


def _certificate(host: str) -> tuple[bytes, bytes]:
    """Make a key and the certificate that it signs itself: whoever has it as root knows this very server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postgres")])
    names = [_name(one) for one in dict.fromkeys(("postgres", "localhost", LOOPBACK, host))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _is_written(path: Path, content: bytes) -> bool:
    """Replace the file where it differs, in one step, readable by its owner alone; tell whether it did."""
    if path.exists() and path.read_bytes() == content:
        return False
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(fresh, path)
    return True


def main(arguments: Sequence[str]) -> int:
    """Complete the shares in the folder that is named, and say what is new; return the exit code."""
    try:
        made = make_secrets(Path(arguments[0]), home_from(os.environ).host or LOOPBACK)
    except EnginesError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"New: {', '.join(made)}.\n" if made else "All secrets are there.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
