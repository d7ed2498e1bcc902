{{ config(severity='warn', group='marts', meta={'dagster': {'ref': {'name': 'fct_results_history'}}}) }}

-- A count keeps its totals every ten seconds and history follows every minute: after two, both are where the ledger is.
select
    elections.election_id,
    elections.position

from {{ ref('int_elections_judged') }} as elections

where
    elections.is_published
    and elections.counted_at < now() - interval '2 minutes'
    and elections.counted_count > 0
    and not exists (
        select from {{ ref('fct_results_history') }} as results_history
        where
            results_history.election_id = elections.election_id
            and results_history.position = elections.position
            and results_history.recount = elections.recount
    )
