with

official_ballots as (

    select
        election_id,
        precinct_id,
        method,
        ballot_count::bigint as ballot_count

    from {{ source('registry', 'official_ballots') }}

)

select * from official_ballots
