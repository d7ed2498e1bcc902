"""The roles and databases of Postgres, on whatever server: the home's, the one of Docker Compose, a managed one."""

from collections.abc import Callable

import psycopg
from psycopg import sql

OWNER = "owner"
LOGIN_ROLES = ("registrar", "counter", "builder", "reader", "auditor", "dagster")
DATABASE = "election"


def furnish(connection: psycopg.Connection, password: Callable[[str], str]) -> None:
    """Make the roles and databases that are missing, and set the roles' passwords; `connection` is the owner's."""
    roles = {name for (name,) in connection.execute("select rolname from pg_roles")}
    for role in LOGIN_ROLES:
        # Hashed here, so that no password is ever in a statement the server may log.
        verifier = connection.pgconn.encrypt_password(password(role).encode(), role.encode(), b"scram-sha-256")
        verb = "alter" if role in roles else "create"
        statement = sql.SQL(f"{verb} role {{}} login password {{}}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier.decode())))
    databases = {name for (name,) in connection.execute("select datname from pg_database")}
    for database, owner in ((DATABASE, OWNER), ("dagster", "dagster")):
        if database not in databases:
            statement = sql.SQL("create database {} owner {}")
            connection.execute(statement.format(sql.Identifier(database), sql.Identifier(owner)))
