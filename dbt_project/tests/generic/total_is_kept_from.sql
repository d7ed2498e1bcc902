{#- Per election, a column adds up to the same total as a column upstream: nothing is lost or doubled on the way. -#}
{% test total_is_kept_from(model, column_name, upstream, upstream_column=none, upstream_where='true') %}

with

totals as (

    select
        election_id,
        sum({{ column_name }}) as total

    from {{ model }}

    group by election_id

),

upstream_totals as (

    select
        election_id,
        sum({{ upstream_column or column_name }}) as total

    from {{ upstream }}

    where {{ upstream_where }}

    group by election_id

)

select
    election_id,
    totals.total,
    upstream_totals.total as upstream_total

from totals

full join upstream_totals using (election_id)

where coalesce(totals.total, 0) <> coalesce(upstream_totals.total, 0)

{% endtest %}
