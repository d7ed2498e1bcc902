with

adjustments as (

    select
        election_id,
        adjustment_id,
        contest_id,
        candidate_id,
        precinct_id,
        method,
        vote_change,
        reason,
        adjusted_by,
        adjusted_at

    from {{ source('registry', 'adjustments') }}

)

select * from adjustments
