{#- The schemas are staging, intermediate and marts in every environment: what reads the marts names them so. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
