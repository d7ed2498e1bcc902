with

elections as (

    select election_id from {{ ref('stg_registry__elections') }}

),

-- Read for one election at a time, and not all of them twice: the recursion hides the reader's filter from the planner.
reporting_units as not materialized (

    select * from {{ ref('stg_registry__reporting_units') }}

),

precincts_placed as (

    select
        elections.election_id,
        climbed.precinct_id,
        climbed.reporting_unit_id

    from elections

    cross join lateral (

        with recursive

        -- `union` and not `union all`: it ends even where units are each other's parents by mistake.
        units_climbed as (

            select
                reporting_unit_id as precinct_id,
                reporting_unit_id

            from reporting_units

            where election_id = elections.election_id and is_precinct

            union

            select
                units_climbed.precinct_id,
                reporting_units.parent_id as reporting_unit_id

            from units_climbed

            inner join reporting_units
                on reporting_units.election_id = elections.election_id
                and reporting_units.reporting_unit_id = units_climbed.reporting_unit_id

            where reporting_units.parent_id is not null

        )

        select * from units_climbed

    ) as climbed

)

select * from precincts_placed
