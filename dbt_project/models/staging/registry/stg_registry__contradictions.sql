with

contradictions as (

    select
        election_id,
        contradiction_number,
        kind,
        precinct_id,
        contest_id,
        candidate_id,
        method,
        cell,
        found,
        expected,
        action,
        replayed_count::bigint as replayed_count

    from {{ source('registry', 'contradictions') }}

)

select * from contradictions
