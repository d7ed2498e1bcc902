with

official_results as (

    select * from {{ ref('stg_registry__official_results') }}

),

contradictions as (

    select * from {{ ref('stg_registry__contradictions') }}

    where cell = 'votes' and replayed_count is not null

),

official_votes_added_up as (

    select
        official_results.election_id,
        official_results.contest_id,
        official_results.precinct_id,
        official_results.method,
        sum(official_results.vote_count)::bigint as official_vote_count,
        sum(coalesce(contradictions.replayed_count, official_results.vote_count))::bigint as replayed_vote_count

    from official_results

    left join contradictions using (election_id, contest_id, candidate_id, precinct_id, method)

    group by
        official_results.election_id,
        official_results.contest_id,
        official_results.precinct_id,
        official_results.method

)

select * from official_votes_added_up
