with

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

candidates as (

    select * from {{ ref('stg_registry__candidates') }}

),

candidates_grouped_by_contest as (

    select
        election_id,
        contest_id,
        count(*) as candidate_count

    from candidates

    where not is_write_in

    group by election_id, contest_id

),

contests_described as (

    select
        contests.election_id,
        contests.contest_id,
        contests.contest_number,
        contests.contest_name,
        contests.office,
        contests.district,
        contests.votes_allowed,
        coalesce(candidates_grouped_by_contest.candidate_count, 0) as candidate_count,
        {{ key_of(['election_id', 'contest_id'], of='contests') }} as contest_key

    from contests

    left join candidates_grouped_by_contest using (election_id, contest_id)

)

select * from contests_described
