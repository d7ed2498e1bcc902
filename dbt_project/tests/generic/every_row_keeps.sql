{#- The rule is true of every row; a rule that cannot be decided because a value is null counts as broken. -#}
{% test every_row_keeps(model, rule) %}

select * from {{ model }}

where ({{ rule }}) is not true

{% endtest %}
