{{ config(indexes=[{'columns': ['election_id', 'changed_at', 'contest_id'], 'unique': true}]) }}

with

candidates as (

    select * from {{ ref('stg_registry__candidates') }}

),

results_history as (

    select * from {{ ref('fct_results_history') }}

),

changes as (

    select distinct
        election_id,
        as_of_at,
        contest_id

    from results_history

    where
        is_leading <> was_leading
        {%- if is_incremental() %}
        and not exists (
            select from {{ this }} as kept
            where
                kept.election_id = results_history.election_id
                and kept.changed_at = results_history.as_of_at
                and kept.contest_id = results_history.contest_id
        )
        {%- endif %}

),

lead_changes as (

    select
        results_history.election_id,
        results_history.as_of_at as changed_at,
        results_history.contest_id,
        string_agg(results_history.candidate_id, ', ' order by results_history.rank, candidates.candidate_number)
            filter (where results_history.is_leading) as leader_ids,
        string_agg(results_history.candidate_id, ', ' order by candidates.candidate_number)
            filter (where results_history.adjusted_vote_count > 0 and results_history.margin_count = 0) as tied_ids,
        string_agg(results_history.candidate_id, ', ' order by candidates.candidate_number)
            filter (where results_history.was_leading) as previous_leader_ids,
        results_history.recount,
        results_history.position,
        {{ key_of(['election_id', 'contest_id'], of='results_history') }} as contest_key

    from changes

    inner join results_history using (election_id, as_of_at, contest_id)

    inner join candidates using (election_id, contest_id, candidate_id)

    group by
        results_history.election_id,
        results_history.as_of_at,
        results_history.contest_id,
        results_history.recount,
        results_history.position

)

select * from lead_changes
