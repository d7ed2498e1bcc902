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
        elections.position

    from registrations_added_up

    inner join elections using (election_id)

)

select * from registrations
