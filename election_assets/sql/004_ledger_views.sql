-- The ledger as everyone but the count and the auditor reads it: ids for numbers, partitions added up.
--
-- A row per partition or per commit could betray a single voter's ballot; these views cannot.

create view ledger.positions_added_up as
select
    e.election_id,
    sum(p.next_offset)::bigint as position,
    sum(p.counted)::bigint as counted_count,
    sum(p.rejected)::bigint as rejected_count,
    sum(p.quarantined)::bigint as quarantined_count,
    sum(p.holes)::bigint as hole_count,
    max(p.last_appended_at) as last_appended_at,
    max(p.committed_at) as committed_at,
    max(p.recount) as recount
from ledger.positions p
join registry.elections e using (election_number)
group by e.election_id;

create view ledger.ballot_counts_added_up as
select
    e.election_id,
    u.reporting_unit_id as precinct_id,
    s.ballot_style_id,
    m.method,
    sum(b.ballot_count)::bigint as ballot_count,
    sum(b.blank_count)::bigint as blank_count
from ledger.ballot_counts b
join registry.elections e using (election_number)
join registry.reporting_units u on u.election_id = e.election_id and u.reporting_unit_number = b.precinct_number
join registry.ballot_styles s on s.election_id = e.election_id and s.ballot_style_number = b.ballot_style_number
join registry.methods m using (method_number)
group by e.election_id, u.reporting_unit_id, s.ballot_style_id, m.method;

create view ledger.voter_group_counts_added_up as
select
    e.election_id,
    u.reporting_unit_id,
    g.age_group,
    g.gender,
    sum(g.ballot_count)::bigint as ballot_count
from ledger.voter_group_counts g
join registry.elections e using (election_number)
join registry.reporting_units u on u.election_id = e.election_id and u.reporting_unit_number = g.parent_number
group by e.election_id, u.reporting_unit_id, g.age_group, g.gender;

create view ledger.arrivals_added_up as
select
    e.election_id,
    a.arrival_minute,
    m.method,
    sum(a.ballot_count)::bigint as ballot_count
from ledger.arrivals a
join registry.elections e using (election_number)
join registry.methods m using (method_number)
group by e.election_id, a.arrival_minute, m.method;

create view ledger.contest_ballots_added_up as
select
    e.election_id,
    c.contest_id,
    u.reporting_unit_id as precinct_id,
    m.method,
    sum(b.ballot_count)::bigint as ballot_count,
    sum(b.undervote_count)::bigint as undervote_count,
    sum(b.overvote_count)::bigint as overvote_count
from ledger.contest_ballots b
join registry.elections e using (election_number)
join registry.contests c on c.election_id = e.election_id and c.contest_number = b.contest_number
join registry.reporting_units u on u.election_id = e.election_id and u.reporting_unit_number = b.precinct_number
join registry.methods m using (method_number)
group by e.election_id, c.contest_id, u.reporting_unit_id, m.method;

create view ledger.tallies_added_up as
select
    e.election_id,
    c.contest_id,
    n.candidate_id,
    u.reporting_unit_id as precinct_id,
    m.method,
    sum(t.vote_count)::bigint as vote_count
from ledger.tallies t
join registry.elections e using (election_number)
join registry.contests c on c.election_id = e.election_id and c.contest_number = t.contest_number
join registry.candidates n
    on n.election_id = e.election_id and n.contest_id = c.contest_id and n.candidate_number = t.candidate_number
join registry.reporting_units u on u.election_id = e.election_id and u.reporting_unit_number = t.precinct_number
join registry.methods m using (method_number)
group by e.election_id, c.contest_id, n.candidate_id, u.reporting_unit_id, m.method;

create view ledger.uncounted_added_up as
select
    e.election_id,
    u.verdict,
    u.reason,
    date_trunc('hour', u.appended_at, 'UTC') as appended_hour,
    count(*) as message_count
from ledger.uncounted u
join registry.elections e using (election_number)
group by e.election_id, u.verdict, u.reason, date_trunc('hour', u.appended_at, 'UTC');
