with

reporting_units as (

    select
        election_id,
        reporting_unit_id as precinct_id,
        registered_voter_count

    from {{ ref('stg_registry__reporting_units') }}

    where is_precinct

),

precinct_ballot_styles as (

    select * from {{ ref('stg_registry__precinct_ballot_styles') }}

),

rolls_grouped_by_precinct as (

    select
        election_id,
        precinct_id,
        sum(voter_count) as voter_count

    from precinct_ballot_styles

    group by election_id, precinct_id

),

registrations_added_up as (

    select
        reporting_units.election_id,
        reporting_units.precinct_id,
        -- Where nothing was published the roll is only as large as casting needed: not a denominator.
        case
            when reporting_units.registered_voter_count is not null
                then coalesce(rolls_grouped_by_precinct.voter_count, 0)::bigint
        end as registered_voter_count

    from reporting_units

    left join rolls_grouped_by_precinct using (election_id, precinct_id)

)

select * from registrations_added_up
