with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

adjustments as (

    select * from {{ ref('stg_registry__adjustments') }}

),

adjustments_published as (

    select
        adjustments.election_id,
        adjustments.adjustment_id,
        adjustments.contest_id,
        adjustments.candidate_id,
        adjustments.precinct_id,
        adjustments.method,
        adjustments.vote_change,
        adjustments.reason,
        adjustments.adjusted_by,
        adjustments.adjusted_at,
        elections.position,
        {{ key_of(['election_id', 'contest_id', 'candidate_id'], of='adjustments') }} as candidate_key,
        {{ key_of(['election_id', 'precinct_id'], of='adjustments') }} as reporting_unit_key

    from adjustments

    inner join elections using (election_id)

    where elections.is_published

)

select * from adjustments_published
