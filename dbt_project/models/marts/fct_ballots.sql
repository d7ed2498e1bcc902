with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

precincts as (

    select
        election_id,
        reporting_unit_id as precinct_id

    from {{ ref('stg_registry__reporting_units') }}

    where is_precinct

),

election_methods as (

    select * from {{ ref('stg_registry__election_methods') }}

),

ballot_counts as (

    select * from {{ ref('stg_ledger__ballot_counts') }}

),

-- Added to the counts and not joined with them, for the reason given in fct_candidate_results.
cells_expected as (

    select
        election_id,
        precincts.precinct_id,
        election_methods.method,
        0::bigint as ballot_count,
        0::bigint as blank_count

    from precincts

    inner join election_methods using (election_id)

),

cells_united as (

    select * from cells_expected

    union all

    select
        election_id,
        precinct_id,
        method,
        ballot_count,
        blank_count

    from ballot_counts

),

cells_added_up as (

    select
        election_id,
        precinct_id,
        method,
        sum(ballot_count)::bigint as ballot_count,
        sum(blank_count)::bigint as blank_count

    from cells_united

    group by election_id, precinct_id, method

),

ballots as (

    select
        cells_added_up.election_id,
        cells_added_up.precinct_id,
        cells_added_up.method,
        cells_added_up.ballot_count,
        -- A blank ballot is a choice too.
        case when elections.is_published then cells_added_up.blank_count end as blank_count,
        elections.position,
        {{ key_of(['election_id', 'precinct_id'], of='cells_added_up') }} as reporting_unit_key

    from cells_added_up

    inner join elections using (election_id)

)

select * from ballots
