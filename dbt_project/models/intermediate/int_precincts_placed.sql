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
        -- Not the bare column: for the planner it would be unique, and whoever joins these rows would expect one.
        elections.election_id || '' as election_id,
        climbed.precinct_id,
        climbed.reporting_unit_id

    from elections

    cross join lateral ( -- noqa: ST05

        with recursive

        -- `union` and not `union all`: it ends even where units are each other's parents by mistake.
        units_climbed as (

            select
                reporting_units.reporting_unit_id as precinct_id,
                reporting_units.reporting_unit_id

            from reporting_units

            where reporting_units.election_id = elections.election_id and reporting_units.is_precinct

            union

            select
                units_climbed.precinct_id,
                reporting_units.parent_id as reporting_unit_id

            from units_climbed

            inner join reporting_units
                on elections.election_id = reporting_units.election_id
                and units_climbed.reporting_unit_id = reporting_units.reporting_unit_id

            where reporting_units.parent_id is not null

        )

        select * from units_climbed

    ) as climbed

)

select * from precincts_placed
