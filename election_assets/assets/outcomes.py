"""What a step hands to Dagster: figures of tables as metadata, and errors as one sentence."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
import psycopg

from election_assets.errors import ElectionError, PermanentError, TransientError
from election_assets.resources.warehouse import TableFigures, table_figures
from engines.errors import EnginesError

# A restarting broker or database is back within seconds; the count waits longer by itself.
RETRIES = dg.RetryPolicy(max_retries=2, delay=5)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Fail a step with the sentence of what went wrong; let it be tried again only where that can help."""
    try:
        yield
    except (PermanentError, EnginesError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except TransientError as error:
        raise dg.Failure(str(error)) from error
    except psycopg.OperationalError as error:
        raise dg.Failure(reason_of(error)) from error


def reason_of(error: ElectionError | psycopg.OperationalError) -> str:
    """Return an error as one sentence."""
    if isinstance(error, ElectionError):
        return str(error)
    told = str(error).strip().partition("\n")[0]
    return f"Postgres did not answer ({told}); `election up` starts the engines."


def tables_written(
    conninfo: str,
    schema: str,
    tables: Mapping[str, str],
    election_id: str,
    figures: Mapping[str, Any],
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield a result for each table: the election's rows in it, its columns, and the `figures` of the step."""
    found = table_figures(conninfo, schema, list(tables), election_id)
    for table, its in found.items():
        metadata = {"dagster/row_count": its.row_count, "dagster/column_schema": _column_schema(its), **figures}
        yield dg.MaterializeResult(asset_key=dg.AssetKey([schema, table]), metadata=metadata)


def _column_schema(table: TableFigures) -> dg.TableSchema:
    columns = [dg.TableColumn(one.name, one.type, one.description or None) for one in table.columns]
    return dg.TableSchema(columns)
