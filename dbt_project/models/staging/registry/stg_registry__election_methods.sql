with

election_methods as (

    select
        election_id,
        method

    from {{ source('registry', 'election_methods') }}

)

select * from election_methods
