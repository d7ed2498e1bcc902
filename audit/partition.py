"""One partition recounted and held against the ledger: what each process of a verification does."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import psycopg

from audit.checks import Comparison
from audit.ledger import TABLES, Position, read_cells, read_positions, read_uncounted
from audit.log import Log, UnreadableLogError
from audit.recount import Cell, PartitionRecount, Sums
from audit.registry import read_registry, read_voters
from audit.segments import Segment, Segmenter
from election_assets.kafka_cluster import KafkaCluster


@dataclass(frozen=True, slots=True)
class Sources:
    """Where log, ledger, registry and marts are. The database is asked as `auditor`, the marts as `reader`."""

    election_id: str
    auditor: str
    reader: str
    kafka: KafkaCluster
    votes_topic: str
    elections_topic: str


@dataclass(slots=True)
class Recounted:
    """What one partition's offsets [0, end_offset) come to, and where the ledger says otherwise.

    `comparisons` are by name of check; `unreadable` says from where on the log cannot be read.
    """

    partition: int
    end_offset: int
    position: Position
    segments: list[Segment]
    cells: dict[str, dict[Cell, Sums]]
    voter_numbers: "array[int]"
    comparisons: dict[str, Comparison]
    unreadable: str | None


def recounted(sources: Sources, snapshot: str, partition: int, end: int, against_ledger: bool) -> Recounted:
    """Recount the offsets [0, end) of a partition; where told so, compare with the ledger as a snapshot has it."""
    with connected(sources.auditor, snapshot) as connection, Log(sources.kafka, sources.votes_topic) as log:
        registry = read_registry(connection, sources.election_id)
        # A block's voters are few beside the roll: they are looked up, whatever the planner makes of their number.
        for way in ("hashjoin", "mergejoin", "seqscan"):
            connection.execute(f"set local enable_{way} = off".encode())

        recount = PartitionRecount(registry, partition, partial(read_voters, connection, registry))
        segmenter = Segmenter(partition, end)
        unreadable = None
        try:
            for block in log.messages(partition, end):
                recount.add(block)
                segmenter.add(block)
        except UnreadableLogError as error:
            unreadable = str(error)
        cells = recount.cells()
        return Recounted(
            partition,
            end,
            _position(recount, end),
            segmenter.segments(),
            cells,
            recount.voter_numbers,
            held_against_ledger(connection, recount, cells, end) if against_ledger else {},
            unreadable,
        )


def connected(conninfo: str, snapshot: str) -> psycopg.Connection:
    """Connect to the database as it was when a snapshot was exported."""
    connection = psycopg.connect(conninfo)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute(f"set transaction snapshot '{snapshot}'".encode())
    return connection


def _position(recount: PartitionRecount, end: int) -> Position:
    verdicts = recount.verdicts()
    return Position(
        end,
        verdicts["counted"],
        verdicts["rejected"],
        verdicts["quarantined"],
        end - recount.message_count,
        recount.last,
    )


def held_against_ledger(
    connection: psycopg.Connection, recount: PartitionRecount, cells: Mapping[str, dict[Cell, Sums]], end: int
) -> dict[str, Comparison]:
    """Compare the recounted offsets [0, end) of a partition with its rows in the ledger, by name of check."""
    registry, partition = recount.registry, recount.partition
    found = {name: Comparison() for name in ("verdicts", "positions", "participation", *TABLES)}
    found["verdicts"].hold(recount.uncounted, read_uncounted(connection, registry, partition), "offset", partition)
    # A message that neither lists is counted by both.
    found["verdicts"].compared = recount.message_count
    position = read_positions(connection, registry).get(partition)
    stated = {} if position is None else {"position": position}
    found["positions"].hold({"position": _position(recount, end)}, stated, "the", partition)
    cast = {number: in_log for number, (in_log, _) in recount.otherwise.items()}
    listed = {number: in_ledger for number, (_, in_ledger) in recount.otherwise.items() if in_ledger}
    found["participation"].hold(cast, listed, "ballot of voter number", partition)
    found["participation"].compared = found["participation"].expected = recount.counted
    for table in TABLES:
        found[table].hold(cells[table], read_cells(connection, registry, table, partition), table, partition)
    return found
