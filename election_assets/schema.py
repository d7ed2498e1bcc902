"""The database's schema: numbered files of SQL, each applied once and in order."""

from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent / "sql"


def install_schema(owner_conninfo: str) -> list[str]:
    """Apply what is not applied yet; return the names of those files. Safe to run at any time."""
    with psycopg.connect(owner_conninfo) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('election schema'))")
        connection.execute(
            "create table if not exists public.schema_files"
            " (name text primary key, applied_at timestamptz not null default now())"
        )
        done = {name for (name,) in connection.execute("select name from public.schema_files")}
        fresh = [file for file in sorted(FOLDER.glob("*.sql")) if file.name not in done]
        for file in fresh:
            connection.execute(file.read_text(encoding="utf-8"))
            connection.execute("insert into public.schema_files (name) values (%s)", (file.name,))
    return [file.name for file in fresh]
