with

ballot_counts as (

    select
        election_id,
        precinct_id,
        ballot_style_id,
        method,
        ballot_count,
        blank_count

    from {{ source('ledger', 'ballot_counts') }}

)

select * from ballot_counts
