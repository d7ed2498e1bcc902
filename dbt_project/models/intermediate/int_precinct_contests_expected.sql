with

precinct_ballot_styles as (

    select * from {{ ref('stg_registry__precinct_ballot_styles') }}

),

ballot_style_contests as (

    select * from {{ ref('stg_registry__ballot_style_contests') }}

),

precinct_contests_expected as (

    select distinct
        precinct_ballot_styles.election_id,
        precinct_ballot_styles.precinct_id,
        ballot_style_contests.contest_id

    from precinct_ballot_styles

    inner join ballot_style_contests using (election_id, ballot_style_id)

)

select * from precinct_contests_expected
