with

candidates as (

    select
        election_id,
        contest_id,
        candidate_id,
        candidate_number,
        candidate_name,
        party,
        is_write_in,
        {{ key_of(['election_id', 'contest_id']) }} as contest_key,
        {{ key_of(['election_id', 'contest_id', 'candidate_id']) }} as candidate_key

    from {{ ref('stg_registry__candidates') }}

)

select * from candidates
