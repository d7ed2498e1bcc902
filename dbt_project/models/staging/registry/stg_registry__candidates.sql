with

candidates as (

    select
        election_id,
        contest_id,
        candidate_id,
        candidate_number::integer as candidate_number,
        candidate_name,
        party,
        is_write_in

    from {{ source('registry', 'candidates') }}

)

select * from candidates
