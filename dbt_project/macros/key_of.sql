{#- A key of several columns of a relation as one text, for tools that join on one column. No id holds a slash. -#}
{% macro key_of(columns, of=none) -%}
    {%- set prefix = of ~ '.' if of else '' -%}
    {{ prefix }}{{ columns | join(" || '/' || " ~ prefix) }}
{%- endmacro %}
