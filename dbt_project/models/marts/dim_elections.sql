with

elections as (

    select * from {{ ref('stg_registry__elections') }}

),

elections_judged as (

    select * from {{ ref('int_elections_judged') }}

),

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

registrations as (

    select * from {{ ref('int_registrations_added_up') }}

),

precincts_counted as (

    select * from {{ ref('int_precincts_counted') }}

),

baselines as (

    select * from {{ ref('stg_registry__baselines') }}

),

contests_grouped_by_election as (

    select
        election_id,
        count(*) as contest_count

    from contests

    group by election_id

),

precincts_grouped_by_election as (

    select
        election_id,
        count(*) as precinct_count,
        bool_and(precincts_counted.progress = 'all') as is_complete,
        {{ sum_if_all_known('registered_voter_count', of='precinct_id') }} as registered_voter_count

    from registrations

    inner join precincts_counted using (election_id, precinct_id)

    group by election_id

),

elections_described as (

    select
        elections.election_id,
        elections.election_name,
        elections.election_date,
        elections.election_type,
        -- What the office says stands; what it does not say follows from the count.
        case
            when elections.status <> 'pre_election' then elections.status
            when elections_judged.counted_count = 0 then 'pre_election'
            when precincts_grouped_by_election.is_complete then 'unofficial_complete'
            else 'unofficial_partial'
        end as status,
        elections.is_test,
        elections.opened_at is not null as is_open,
        elections.opens_at,
        elections.closes_at,
        elections.publish,
        elections.source,
        baselines.baseline_election_id,
        precincts_grouped_by_election.registered_voter_count,
        coalesce(precincts_grouped_by_election.precinct_count, 0) as precinct_count,
        coalesce(contests_grouped_by_election.contest_count, 0) as contest_count,
        elections_judged.position,
        elections_judged.counted_count,
        elections_judged.rejected_count,
        elections_judged.quarantined_count,
        elections_judged.hole_count,
        elections_judged.counted_at,
        elections_judged.recount,
        elections.registry_hash

    from elections

    inner join elections_judged using (election_id)

    left join contests_grouped_by_election using (election_id)

    left join precincts_grouped_by_election using (election_id)

    left join baselines using (election_id)

)

select * from elections_described
