with

baselines as (

    select
        election_id,
        baseline_election_id

    from {{ source('registry', 'baselines') }}

)

select * from baselines
