with

voter_group_sizes as (

    select * from {{ ref('stg_registry__voter_group_sizes') }}

),

voter_group_counts as (

    select * from {{ ref('stg_ledger__voter_group_counts') }}

),

reporting_units as (

    select * from {{ ref('stg_registry__reporting_units') }}

),

rolls_known as (

    select
        election_id,
        parent_id as reporting_unit_id,
        bool_and(registered_voter_count is not null) as is_roll_known

    from reporting_units

    where is_precinct

    group by election_id, parent_id

),

voter_groups_counted as (

    select
        election_id,
        reporting_unit_id,
        voter_group_sizes.age_group,
        voter_group_sizes.gender,
        voter_group_sizes.voter_count,
        coalesce(voter_group_counts.ballot_count, 0) as ballot_count,
        rolls_known.is_roll_known

    from voter_group_sizes

    inner join rolls_known using (election_id, reporting_unit_id)

    left join voter_group_counts using (election_id, reporting_unit_id, age_group, gender)

)

select * from voter_groups_counted
