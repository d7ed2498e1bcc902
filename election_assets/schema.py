"""The database's schema: numbered files of SQL, each applied once and in order."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import psycopg

from election_assets.errors import PermanentError

FOLDER = Path(__file__).parent / "sql"


def install_schema(owner_conninfo: str) -> list[str]:
    """Apply what is not applied yet; return the names of those files. Safe to run at any time.

    Raises PermanentError, with nothing changed, for a database that a newer version made, or one that was made by
    other contents of the same files.
    """
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.sql"))}
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    with psycopg.connect(owner_conninfo) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('election schema'))")
        connection.execute(
            "create table if not exists public.schema_files"
            " (name text primary key, applied_at timestamptz not null default now())"
        )
        connection.execute("alter table public.schema_files add column if not exists sha256 text")
        rows = connection.execute("select name, sha256 from public.schema_files order by name").fetchall()
        done: dict[str, str | None] = dict(rows)
        _refuse_others(done, sums)
        fresh = [name for name in files if name not in done]
        for name in fresh:
            connection.execute(files[name])
            connection.execute("insert into public.schema_files (name) values (%s)", (name,))
        # Files applied before sums were kept are taken for what they are now.
        connection.cursor().executemany(
            "update public.schema_files set sha256 = %s where name = %s and sha256 is null",
            [(digest, name) for name, digest in sums.items()],
        )
    return fresh


def _refuse_others(done: Mapping[str, str | None], sums: Mapping[str, str]) -> None:
    """Refuse a database whose schema this version does not know."""
    for name, digest in done.items():
        if name not in sums:
            raise PermanentError(
                f"A newer version made this database: {name} is applied to it, which this version does not have. "
                "Run that version, or restore the backup from before the upgrade."
            )
        if digest not in (None, sums[name]):
            raise PermanentError(
                f"{name} was changed since it was applied to this database, where such a change has no effect: "
                "put the file back as it was, and make the change in a new file with the next number."
            )
