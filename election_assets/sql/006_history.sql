-- Beside the count: corrections, totals kept through the night, the roll by groups, and how the count goes.

-- A correction of an office: votes added to or taken from the raw tally, which stays as the log has it.
create table registry.adjustments (
    election_id text not null references registry.elections,
    adjustment_id text not null check (registry.is_identifier(adjustment_id)),
    contest_id text not null,
    candidate_id text not null,
    precinct_id text not null,
    method text not null references registry.methods (method),
    vote_change integer not null check (vote_change <> 0),
    reason text not null check (reason ~ '\S'),
    adjusted_by text not null check (adjusted_by ~ '\S'),
    adjusted_at timestamptz not null default clock_timestamp(),
    primary key (election_id, adjustment_id),
    foreign key (election_id, contest_id, candidate_id) references registry.candidates,
    foreign key (election_id, precinct_id) references registry.reporting_units
);

create function registry.keep_adjustments() returns trigger language plpgsql as $$
begin
    raise exception 'Adjustments stay as they were made: take one back with another of the opposite sign.'
        using errcode = 'object_not_in_prerequisite_state';
end $$;

create trigger keep_adjustments before update or delete or truncate on registry.adjustments
for each statement execute function registry.keep_adjustments();

-- What `open` counts of the frozen roll, so that turnout by group needs no voter.
create table registry.voter_group_sizes (
    election_id text not null references registry.elections on delete cascade,
    reporting_unit_id text not null,
    age_group text not null,
    gender text not null,
    voter_count integer not null check (voter_count > 0),
    primary key (election_id, reporting_unit_id, age_group, gender),
    foreign key (election_id, reporting_unit_id) references registry.reporting_units on delete cascade
);
comment on table registry.voter_group_sizes is
'Voters on the frozen roll by age group and gender, for each unit directly above precincts.';

create function registry.size_voter_groups(of_election text) returns void language sql as $$
insert into registry.voter_group_sizes (election_id, reporting_unit_id, age_group, gender, voter_count)
select e.election_id, u.parent_id, v.age_group, v.gender, count(*)
from registry.voters v
join registry.elections e using (election_number)
join registry.reporting_units u on u.election_id = e.election_id and u.reporting_unit_number = v.precinct_number
where e.election_id = of_election and u.parent_id is not null
group by e.election_id, u.parent_id, v.age_group, v.gender
$$;

select registry.size_voter_groups(election_id) from registry.elections where opened_at is not null;

create trigger keep_frozen_update after update on registry.voter_group_sizes referencing old table as changed_rows
for each statement execute function registry.keep_frozen_by_id();
create trigger keep_frozen_insert after insert on registry.voter_group_sizes referencing new table as changed_rows
for each statement execute function registry.keep_frozen_by_id();
create trigger keep_frozen_moved after update on registry.voter_group_sizes referencing new table as changed_rows
for each statement execute function registry.keep_frozen_by_id();
create trigger keep_frozen_delete after delete on registry.voter_group_sizes referencing old table as changed_rows
for each statement execute function registry.keep_frozen_by_id();
create trigger keep_untruncated before truncate on registry.voter_group_sizes
execute function registry.refuse_truncate();

-- Which election this one is compared with. Not part of the freeze: no ballot is judged by it.
create table registry.baselines (
    election_id text primary key references registry.elections on delete cascade,
    baseline_election_id text not null check (baseline_election_id <> election_id)
);

-- Totals as they stood: kept by the count every few seconds and at its end, and by a reset, which starts anew at 0.
create table ledger.snapshots (
    election_number integer not null references registry.elections (election_number),
    taken_at timestamptz not null,
    recount integer not null,
    position bigint not null,
    primary key (election_number, taken_at)
);

create table ledger.snapshot_tallies (
    election_number integer not null,
    taken_at timestamptz not null,
    contest_number smallint not null,
    candidate_number smallint not null,
    vote_count bigint not null,
    primary key (election_number, taken_at, contest_number, candidate_number),
    foreign key (election_number, taken_at) references ledger.snapshots on delete cascade
);

-- Snapshots and adjustments of an election are made one after the other, so that who sees one sees all before it:
-- without this, a history that grows could differ from one made anew.
create function registry.take_turn(of_election integer) returns void language sql as $$
select pg_advisory_xact_lock(hashtext('election history'), of_election)
$$;

alter table ledger.count_runs add column log_end bigint;
alter table ledger.count_runs add column log_end_at timestamptz;
comment on column ledger.count_runs.log_end is
'The end of the log, summed over partitions, as the run last saw it at `log_end_at`.';

create index batches_by_time on ledger.batches (election_number, started_at);

create schema audit;

create table audit.verifications (
    verification_number bigint generated always as identity primary key,
    election_number integer not null references registry.elections (election_number),
    verified_at timestamptz not null default now(),
    position bigint not null,
    has_passed boolean not null
);
comment on table audit.verifications is
'Independent recounts of the log: up to which position, and whether they came to the ledger''s figures.';

create view ledger.snapshots_added_up as
select
    e.election_id,
    s.taken_at,
    s.recount,
    s.position
from ledger.snapshots s
join registry.elections e using (election_number);

create view ledger.snapshot_tallies_added_up as
select
    e.election_id,
    t.taken_at,
    c.contest_id,
    n.candidate_id,
    t.vote_count
from ledger.snapshot_tallies t
join registry.elections e using (election_number)
join registry.contests c on c.election_id = e.election_id and c.contest_number = t.contest_number
join registry.candidates n
    on n.election_id = e.election_id and n.contest_id = c.contest_id and n.candidate_number = t.candidate_number;

-- The latest run of each election, and the pace of the minute before its last micro-batch.
create view ledger.runs_added_up as
select
    e.election_id,
    r.started_at,
    r.heartbeat_at,
    r.ended_at,
    r.ended_why,
    r.log_end,
    r.log_end_at,
    b.batch_p50_ms,
    b.batch_p95_ms,
    b.message_count,
    b.batch_seconds
from registry.elections e
cross join lateral (
    select * from ledger.count_runs
    where count_runs.election_number = e.election_number
    order by epoch desc limit 1
) r
cross join lateral (
    select
        percentile_disc(0.5) within group (order by duration_ms) as batch_p50_ms,
        percentile_disc(0.95) within group (order by duration_ms) as batch_p95_ms,
        sum(message_count)::bigint as message_count,
        extract(epoch from max(started_at + duration_ms * interval '1 ms') - min(started_at)) as batch_seconds
    from ledger.batches
    where batches.election_number = e.election_number
    and started_at > (
        select max(started_at) - interval '1 minute' from ledger.batches
        where batches.election_number = e.election_number
    )
) b;

create view audit.verifications_added_up as
select distinct on (e.election_id)
    e.election_id,
    v.verified_at,
    v.position,
    v.has_passed
from audit.verifications v
join registry.elections e using (election_number)
order by e.election_id, v.verification_number desc;

grant select, insert on registry.adjustments to registrar;
grant select, insert, update, delete on registry.voter_group_sizes, registry.baselines to registrar;
grant maintain on registry.voter_group_sizes to registrar;
grant select on registry.adjustments, registry.voter_group_sizes, registry.baselines to counter, builder, auditor;

grant select, insert, update, delete on ledger.snapshots, ledger.snapshot_tallies to counter;
grant maintain on ledger.snapshots, ledger.snapshot_tallies to counter;
grant select on ledger.snapshots, ledger.snapshot_tallies to auditor;
grant select on ledger.snapshots_added_up, ledger.snapshot_tallies_added_up, ledger.runs_added_up
to counter, builder, auditor;
revoke insert, update, delete on
    ledger.positions_added_up, ledger.ballot_counts_added_up, ledger.voter_group_counts_added_up,
    ledger.arrivals_added_up, ledger.contest_ballots_added_up, ledger.tallies_added_up, ledger.uncounted_added_up
from counter;

grant usage on schema audit to auditor, builder;
grant select, insert on audit.verifications to auditor;
grant select on audit.verifications_added_up to builder;
