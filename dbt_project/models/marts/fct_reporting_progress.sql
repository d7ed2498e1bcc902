with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

precinct_contests as (

    select * from {{ ref('int_precinct_contests_expected') }}

),

precincts_placed as (

    select * from {{ ref('int_precincts_placed') }}

),

precincts_counted as (

    select * from {{ ref('int_precincts_counted') }}

),

progress_rolled_up as (

    select
        precinct_contests.election_id,
        precinct_contests.contest_id,
        precincts_placed.reporting_unit_id,
        count(*) as precinct_count,
        count(*) filter (where precincts_counted.progress = 'none') as none_count,
        count(*) filter (where precincts_counted.progress = 'some') as some_count,
        count(*) filter (where precincts_counted.progress = 'all') as all_count,
        sum(precincts_counted.ballot_count)::bigint as ballot_count,
        {{ sum_if_all_known('precincts_counted.expected_ballot_count', of='precincts_counted.precinct_id') }}
            as expected_ballot_count,
        -- What one precinct has too many must not hide what another has not.
        sum(least(precincts_counted.ballot_count, precincts_counted.expected_ballot_count))
            as expected_and_counted

    from precinct_contests

    inner join precincts_placed using (election_id, precinct_id)

    inner join precincts_counted using (election_id, precinct_id)

    group by precinct_contests.election_id, precinct_contests.contest_id, precincts_placed.reporting_unit_id

),

reporting_progress as (

    select
        progress_rolled_up.election_id,
        progress_rolled_up.contest_id,
        progress_rolled_up.reporting_unit_id,
        progress_rolled_up.precinct_count,
        progress_rolled_up.none_count,
        progress_rolled_up.some_count,
        progress_rolled_up.all_count,
        progress_rolled_up.ballot_count,
        progress_rolled_up.expected_ballot_count,
        case
            when progress_rolled_up.expected_ballot_count is not null
                then {{ share_of(
                    'progress_rolled_up.expected_and_counted',
                    'progress_rolled_up.expected_ballot_count'
                ) }}
        end as expected_share,
        progress_rolled_up.all_count = progress_rolled_up.precinct_count as is_complete,
        elections.position,
        {{ key_of(['election_id', 'contest_id'], of='progress_rolled_up') }} as contest_key,
        {{ key_of(['election_id', 'reporting_unit_id'], of='progress_rolled_up') }} as reporting_unit_key

    from progress_rolled_up

    inner join elections using (election_id)

)

select * from reporting_progress
