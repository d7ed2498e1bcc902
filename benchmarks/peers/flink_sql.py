"""Flink SQL: the topic, the roll and the totals as tables, and one INSERT; upserts by key over JDBC.

Settings beyond the defaults are those of Flink's own guides: mini-batches, two phases of aggregation, objects reused,
state on a large heap, checkpoints every ten seconds, batched inserts. The roll is read once, as a table to join with:
the connector's lookup asks Postgres voter by voter, and its cache begins empty.
"""

import os
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

_SETTINGS = {
    "pipeline.jars": ";".join(Path(jar).as_uri() for jar in os.environ["JARS"].split(":")),
    "pipeline.object-reuse": "true",
    "parallelism.default": str(os.cpu_count() or 1),
    "state.backend.type": "hashmap",
    "execution.checkpointing.interval": "10 s",
    "execution.checkpointing.dir": Path(os.environ["WORK"], "checkpoints").as_uri(),
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "1 s",
    "table.exec.mini-batch.size": "50000",
    "table.optimizer.agg-phase-strategy": "TWO_PHASE",
}
# A million ballots in the join's state, with the roll, fill the JVM's default of a quarter of 24 GB.
_JVM = "-Xmx8g -XX:+UseParallelGC"
_BALLOTS = """
create table ballots (
    voter_id string,
    precinct_id string,
    ballot_style_id string,
    `method` string,
    selections map<string, array<string>>,
    `offset` bigint metadata virtual
) with (
    'connector' = 'kafka',
    'topic' = '{TOPIC}',
    'properties.bootstrap.servers' = '{KAFKA}',
    'properties.max.poll.records' = '20000',
    'properties.max.partition.fetch.bytes' = '16777216',
    'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true'
)
"""
_POSTGRES = """
    'connector' = 'jdbc',
    'url' = 'jdbc:postgresql://{PGHOST}:{PGPORT}/{PGDATABASE}?currentSchema=peers&reWriteBatchedInserts=true',
    'username' = '{PGUSER}',
    'password' = '{PGPASSWORD}',
"""
_ROLL = (
    """
create table roll (
    voter_id string,
    precinct_id string,
    ballot_style_id string,
    primary key (voter_id) not enforced
) with ("""
    + _POSTGRES
    + """
    'table-name' = 'roll',
    'scan.fetch-size' = '10000',
    'scan.auto-commit' = 'false'
)
"""
)
_TOTALS = (
    """
create table totals (
    contest_id string,
    candidate_id string,
    precinct_id string,
    `method` string,
    vote_count bigint,
    primary key (contest_id, candidate_id, precinct_id, `method`) not enforced
) with ("""
    + _POSTGRES
    + """
    'table-name' = 'totals',
    'sink.buffer-flush.max-rows' = '5000',
    'sink.buffer-flush.interval' = '1 s'
)
"""
)
# A voter's ballots are all in one partition, so the offset says which came first.
_COUNT = """
insert into totals
select contest_id, candidate_id, precinct_id, `method`, count(*) as vote_count
from (
    select
        *,
        row_number() over (partition by voter_id order by `offset`) as ballot_number
    from (
        select ballots.*
        from ballots
        join roll
            on ballots.voter_id = roll.voter_id
            and ballots.precinct_id = roll.precinct_id
            and ballots.ballot_style_id = roll.ballot_style_id
    )
)
cross join unnest(selections) as contests (contest_id, candidate_ids)
cross join unnest(candidate_ids) as candidates (candidate_id)
where ballot_number = 1
group by contest_id, candidate_id, precinct_id, `method`
"""


def main() -> None:
    """Count what is in the topic now."""
    os.environ["JVM_ARGS"] = _JVM
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in _SETTINGS.items():
        tables.get_config().set(name, value)
    for statement in (_BALLOTS, _ROLL, _TOTALS):
        tables.execute_sql(statement.format_map(os.environ))
    tables.execute_sql(_COUNT).wait()


if __name__ == "__main__":
    main()
