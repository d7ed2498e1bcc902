with

ballot_style_contests as (

    select
        election_id,
        ballot_style_id,
        contest_id

    from {{ source('registry', 'ballot_style_contests') }}

)

select * from ballot_style_contests
