with

precinct_ballot_styles as (

    select * from {{ ref('stg_registry__precinct_ballot_styles') }}

),

ballot_style_contests as (

    select * from {{ ref('stg_registry__ballot_style_contests') }}

),

registrations_added_up as (

    select * from {{ ref('int_registrations_added_up') }}

),

-- The roll of a precinct is split by ballot style; whether it is known is published for the precinct.
contests_registered as (

    select
        precinct_ballot_styles.election_id,
        ballot_style_contests.contest_id,
        case
            when bool_and(registrations_added_up.registered_voter_count is not null)
                then sum(precinct_ballot_styles.voter_count)::bigint
        end as registered_voter_count

    from precinct_ballot_styles

    inner join ballot_style_contests using (election_id, ballot_style_id)

    inner join registrations_added_up using (election_id, precinct_id)

    group by precinct_ballot_styles.election_id, ballot_style_contests.contest_id

)

select * from contests_registered
