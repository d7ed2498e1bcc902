with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

registrations_rolled_up as (

    select * from {{ ref('int_registrations_rolled_up') }}

),

precincts_placed as (

    select * from {{ ref('int_precincts_placed') }}

),

ballot_counts as (

    select * from {{ ref('stg_ledger__ballot_counts') }}

),

ballots_grouped_by_reporting_unit as (

    select
        precincts_placed.election_id,
        precincts_placed.reporting_unit_id,
        sum(ballot_counts.ballot_count) as ballot_count

    from precincts_placed

    inner join ballot_counts using (election_id, precinct_id)

    group by precincts_placed.election_id, precincts_placed.reporting_unit_id

),

turnout as (

    select
        registrations_rolled_up.election_id,
        registrations_rolled_up.reporting_unit_id,
        registrations_rolled_up.registered_voter_count,
        coalesce(ballots_grouped_by_reporting_unit.ballot_count, 0)::bigint as ballot_count,
        {{ share_of(
            'coalesce(ballots_grouped_by_reporting_unit.ballot_count, 0)',
            'registrations_rolled_up.registered_voter_count'
        ) }} as turnout_share,
        elections.position,
        {{ key_of(['election_id', 'reporting_unit_id'], of='registrations_rolled_up') }} as reporting_unit_key

    from registrations_rolled_up

    inner join elections using (election_id)

    left join ballots_grouped_by_reporting_unit using (election_id, reporting_unit_id)

)

select * from turnout
