with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

registrations_added_up as (

    select * from {{ ref('int_registrations_added_up') }}

),

registrations as (

    select
        registrations_added_up.election_id,
        registrations_added_up.precinct_id,
        registrations_added_up.registered_voter_count,
        elections.position,
        {{ key_of(['election_id', 'precinct_id'], of='registrations_added_up') }} as reporting_unit_key

    from registrations_added_up

    inner join elections using (election_id)

)

select * from registrations
