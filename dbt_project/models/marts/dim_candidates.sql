with

candidates as (

    select
        election_id,
        contest_id,
        candidate_id,
        candidate_number,
        candidate_name,
        party,
        is_write_in

    from {{ ref('stg_registry__candidates') }}

)

select * from candidates
