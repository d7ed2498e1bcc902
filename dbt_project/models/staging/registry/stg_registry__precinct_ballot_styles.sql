with

precinct_ballot_styles as (

    select
        election_id,
        precinct_id,
        ballot_style_id,
        voter_count::bigint as voter_count

    from {{ source('registry', 'precinct_ballot_styles') }}

)

select * from precinct_ballot_styles
