{#-
    A view is replaced in place. dbt's own way renames the old view and drops it with all that hangs on it, so each
    build would take the marts from their readers until it is through. Only where the columns no longer fit
    (invalid_table_definition) is the view dropped; its descendants are then built in the same run.
-#}
{% materialization view, adapter='postgres' %}

    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing_relation is not none and not existing_relation.is_view %}
        {{ adapter.drop_relation(existing_relation) }}
    {% endif %}

    {% call statement('main') %}
        {{ create_or_replace_view_in_place(target_relation, sql) }}
    {% endcall %}

    {% do apply_grants(target_relation, config.get('grants'), should_revoke=true) %}
    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}

{% macro create_or_replace_view_in_place(relation, sql) -%}
    {%- if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
    do $replace_view$
    begin
        create or replace view {{ relation }} as (
            {{ sql }}
        );
    exception when invalid_table_definition then
        drop view {{ relation }} cascade;
        create view {{ relation }} as (
            {{ sql }}
        );
    end
    $replace_view$;
{%- endmacro %}
