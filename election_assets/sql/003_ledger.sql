-- The ledger: what only the count writes. A function of the log; `reset` empties it and judges the log again.
--
-- Keys are the registry's numbers, and each carries the Kafka partition, so that tasks never wait for each other's rows.

create schema ledger;

create table ledger.positions (
    election_number integer not null references registry.elections (election_number),
    partition smallint not null,
    next_offset bigint not null default 0,
    counted bigint not null default 0,
    rejected bigint not null default 0,
    quarantined bigint not null default 0,
    holes bigint not null default 0,
    last_offset bigint,
    last_appended_at timestamptz,
    committed_at timestamptz,
    epoch bigint not null default 0,
    run_id text,
    recount integer not null default 0,
    primary key (election_number, partition),
    check (least(counted, rejected, quarantined, holes) >= 0),
    constraint every_offset_has_one_verdict check (counted + rejected + quarantined + holes = next_offset)
);
comment on column ledger.positions.last_appended_at is
'Append time of the message at `last_offset`, the last one judged: a log cut and grown again has another one there.';

create table ledger.count_runs (
    election_number integer not null references registry.elections (election_number),
    epoch bigint not null,
    run_id text not null,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now(),
    ended_at timestamptz,
    ended_why text,
    primary key (election_number, epoch)
);

create table ledger.participation (
    election_number integer not null,
    voter_number integer not null,
    ballot_id uuid not null,
    primary key (election_number, voter_number)
);

create table ledger.ballot_counts (
    election_number integer not null,
    precinct_number integer not null,
    ballot_style_number smallint not null,
    method_number smallint not null,
    partition smallint not null,
    ballot_count bigint not null check (ballot_count >= 0),
    blank_count bigint not null check (blank_count between 0 and ballot_count),
    primary key (election_number, precinct_number, ballot_style_number, method_number, partition)
) with (fillfactor = 70);

create table ledger.voter_group_counts (
    election_number integer not null,
    parent_number integer not null,
    age_group text not null,
    gender text not null,
    partition smallint not null,
    ballot_count bigint not null check (ballot_count >= 0),
    primary key (election_number, parent_number, age_group, gender, partition)
) with (fillfactor = 70);

create table ledger.arrivals (
    election_number integer not null,
    arrival_minute timestamptz not null,
    method_number smallint not null,
    partition smallint not null,
    ballot_count bigint not null check (ballot_count >= 0),
    primary key (election_number, arrival_minute, method_number, partition)
) with (fillfactor = 70);

create table ledger.contest_ballots (
    election_number integer not null,
    contest_number smallint not null,
    precinct_number integer not null,
    method_number smallint not null,
    partition smallint not null,
    ballot_count bigint not null check (ballot_count >= 0),
    undervote_count bigint not null check (undervote_count >= 0),
    overvote_count bigint not null check (overvote_count >= 0),
    primary key (election_number, contest_number, precinct_number, method_number, partition)
) with (fillfactor = 70);

create table ledger.tallies (
    election_number integer not null,
    contest_number smallint not null,
    candidate_number smallint not null,
    precinct_number integer not null,
    method_number smallint not null,
    partition smallint not null,
    vote_count bigint not null check (vote_count >= 0),
    primary key (election_number, contest_number, candidate_number, precinct_number, method_number, partition)
) with (fillfactor = 70);

create table ledger.uncounted (
    election_number integer not null,
    partition smallint not null,
    "offset" bigint not null,
    verdict text not null check (verdict in ('rejected', 'quarantined')),
    reason text not null,
    appended_at timestamptz not null,
    primary key (election_number, partition, "offset")
);

create table ledger.batches (
    election_number integer not null,
    epoch bigint not null,
    batch_number bigint not null,
    started_at timestamptz not null,
    duration_ms integer not null,
    message_count bigint not null,
    counted bigint not null,
    rejected bigint not null,
    quarantined bigint not null,
    position bigint not null,
    primary key (election_number, epoch, batch_number)
);
