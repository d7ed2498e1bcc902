{#- Each row whose columns are all known has its match in another relation: a foreign key of several columns. -#}
{% test rows_are_found_in(model, columns, to, to_columns=none) %}

select {{ columns | join(', ') }}

from {{ model }}

where
    {% for column in columns %}{{ column }} is not null and {% endfor %}
    ({{ columns | join(', ') }}) not in (select {{ (to_columns or columns) | join(', ') }} from {{ to }})

{% endtest %}
