{% set least = 10 %}

with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

voter_groups as (

    select * from {{ ref('int_voter_groups_counted') }}

),

voter_groups_flagged as (

    select
        *,
        -- Those who did not vote are the group's complement; where the roll is not known nobody can tell them.
        case when is_roll_known then voter_count - ballot_count end as other_count,
        voter_count < {{ least }}
        or ballot_count < {{ least }}
        or (is_roll_known and voter_count - ballot_count < {{ least }}) as is_small

    from voter_groups

),

-- A unit's total is published, so what is suppressed in it must not be one small group as a whole either.
voter_groups_ordered as (

    select
        *,
        bool_or(is_small) over unit as has_small,
        count(*) over smaller as smaller_count,
        coalesce(sum(ballot_count) over smaller, 0) as smaller_ballot_count,
        sum(other_count) over smaller as smaller_other_count

    from voter_groups_flagged

    window
        unit as (partition by election_id, reporting_unit_id),
        smaller as (
            unit
            order by is_small desc, ballot_count asc, age_group asc, gender asc
            rows between unbounded preceding and 1 preceding
        )

),

voter_groups_suppressed as (

    select
        *,
        is_small
        or (
            has_small
            and (
                smaller_count < 2
                or smaller_ballot_count < {{ least }}
                or coalesce(smaller_other_count < {{ least }}, false)
            )
        ) as is_suppressed

    from voter_groups_ordered

),

turnout_by_group as (

    select
        voter_groups_suppressed.election_id,
        voter_groups_suppressed.reporting_unit_id,
        voter_groups_suppressed.age_group,
        voter_groups_suppressed.gender,
        voter_groups_suppressed.is_suppressed,
        case
            when not voter_groups_suppressed.is_suppressed and voter_groups_suppressed.is_roll_known
                then voter_groups_suppressed.voter_count
        end::bigint as registered_voter_count,
        case when not voter_groups_suppressed.is_suppressed then voter_groups_suppressed.ballot_count end
            as ballot_count,
        case
            when not voter_groups_suppressed.is_suppressed and voter_groups_suppressed.is_roll_known
                then {{ share_of('voter_groups_suppressed.ballot_count', 'voter_groups_suppressed.voter_count') }}
        end as turnout_share,
        elections.position,
        {{ key_of(['election_id', 'reporting_unit_id'], of='voter_groups_suppressed') }} as reporting_unit_key

    from voter_groups_suppressed

    inner join elections using (election_id)

)

select * from turnout_by_group
