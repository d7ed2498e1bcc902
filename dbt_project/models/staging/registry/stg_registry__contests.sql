with

contests as (

    select
        election_id,
        contest_id,
        contest_number::integer as contest_number,
        contest_name,
        office,
        district,
        votes_allowed::integer as votes_allowed

    from {{ source('registry', 'contests') }}

)

select * from contests
