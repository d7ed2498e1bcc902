{#- The sum of a column over the rows in which `of` is not null: null as soon as one has no value, 0 for none. -#}
{% macro sum_if_all_known(column, of) -%}
    case when count({{ column }}) = count({{ of }}) then coalesce(sum({{ column }}), 0)::bigint end
{%- endmacro %}
