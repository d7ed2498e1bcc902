with

official_results as (

    select
        election_id,
        contest_id,
        candidate_id,
        precinct_id,
        method,
        vote_count::bigint as vote_count

    from {{ source('registry', 'official_results') }}

)

select * from official_results
