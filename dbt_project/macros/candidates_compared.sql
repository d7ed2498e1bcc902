{#- Rows of candidates compared within their contest, and within the further `places`, a list of columns.

The relation has `election_id`, `contest_id`, `votes_allowed`, `candidate_id`, `is_write_in` and `adjusted_vote_count`,
by which they are compared; all its columns are kept, and `vote_share`, `rank`, `is_tied`, `is_leading`, `margin_count`
and `margin_share` are added. Write-ins have a share and are compared with nobody. -#}
{% macro candidates_compared(relation, places=[]) %}
{%- set contest = (['election_id', 'contest_id'] + places) | join(', ') -%}
    select
        *,
        {{ share_of('adjusted_vote_count', 'contest_vote_count') }} as vote_share,
        case when not is_write_in then rank_among_equals::integer end as rank,
        not is_write_in and equal_count > 1 as is_tied,
        coalesce(
            not is_write_in
            and rank_among_equals <= votes_allowed
            and adjusted_vote_count > 0
            and margin_count is distinct from 0,
            false
        ) as is_leading,
        {{ share_of('margin_count', 'contest_vote_count') }} as margin_share

    from (

        select
            *,
            case
                when is_write_in then null
                when adjusted_vote_count < last_place_vote_count then adjusted_vote_count - last_place_vote_count
                else adjusted_vote_count - first_without_place_vote_count
            end as margin_count

        from (

            select
                *,
                sum(adjusted_vote_count) over contest as contest_vote_count,
                rank() over ranking as rank_among_equals,
                -- The last of as many places as there are votes allowed, and the first candidate without a place.
                nth_value(adjusted_vote_count, votes_allowed) over ranking as last_place_vote_count,
                nth_value(adjusted_vote_count, votes_allowed + 1) over ranking as first_without_place_vote_count,
                count(*) over (partition by {{ contest }}, is_write_in, adjusted_vote_count) as equal_count

            from {{ relation }}

            window
                contest as (partition by {{ contest }}),
                ranking as (
                    partition by {{ contest }}, is_write_in
                    order by adjusted_vote_count desc
                    rows between unbounded preceding and unbounded following
                )

        ) as candidates_placed

    ) as candidates_measured
{%- endmacro %}
