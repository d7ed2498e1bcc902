{#- A part of a whole as numeric 0–1; null where the whole is zero or unknown, so that nothing divides by zero. -#}
{% macro share_of(numerator, denominator) -%}
    trim_scale(({{ numerator }})::numeric / nullif({{ denominator }}, 0))
{%- endmacro %}
