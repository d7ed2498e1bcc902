with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

contradictions as (

    select * from {{ ref('stg_registry__contradictions') }}

),

data_quality as (

    select
        contradictions.election_id,
        contradictions.contradiction_number,
        contradictions.kind,
        contradictions.precinct_id,
        contradictions.contest_id,
        contradictions.candidate_id,
        contradictions.method,
        contradictions.cell,
        contradictions.found,
        contradictions.expected,
        contradictions.action,
        contradictions.replayed_count,
        elections.position

    from contradictions

    inner join elections using (election_id)

)

select * from data_quality
