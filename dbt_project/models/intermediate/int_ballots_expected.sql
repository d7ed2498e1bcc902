with

official_ballots as (

    select * from {{ ref('stg_registry__official_ballots') }}

),

contradictions as (

    select * from {{ ref('stg_registry__contradictions') }}

    where cell = 'ballots_cast' and replayed_count is not null

),

-- Where the source contradicts itself, what a replay makes of it is what will come.
ballots_replayed as (

    select
        official_ballots.election_id,
        official_ballots.precinct_id,
        official_ballots.method = 'total' as is_total,
        coalesce(contradictions.replayed_count, official_ballots.ballot_count) as ballot_count

    from official_ballots

    left join contradictions using (election_id, precinct_id, method)

),

ballots_expected as (

    select
        election_id,
        precinct_id,
        -- A precinct's total says the same again, and counts only where a method is not published.
        case
            when bool_and(ballot_count is not null) filter (where not is_total)
                then sum(ballot_count) filter (where not is_total)
            else max(ballot_count) filter (where is_total)
        end::bigint as expected_ballot_count

    from ballots_replayed

    group by election_id, precinct_id

)

select * from ballots_expected
