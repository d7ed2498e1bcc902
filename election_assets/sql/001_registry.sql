-- The registry: what an election is, as its office says. Written by the registrar, frozen by `open`.

create schema registry;

-- Ids travel in messages, keys and file names; a domain would be another type than text to those who read them.
create function registry.is_identifier(id text) returns boolean immutable strict language sql
return id ~ '\A[A-Za-z0-9._:-]{1,64}\Z';

create table registry.methods (
    method_number smallint primary key,
    method text not null unique
);

insert into registry.methods (method_number, method) values
(1, 'election_day'), (2, 'mail'), (3, 'early'), (4, 'provisional'), (5, 'total');

-- An election's id is part of its topic's name, which may hold no colon.
create table registry.elections (
    election_id text primary key check (election_id ~ '\A[A-Za-z0-9._-]{1,64}\Z'),
    election_number integer generated always as identity unique,
    election_name text not null,
    election_date date not null,
    election_type text not null,
    status text not null default 'pre_election' check (status in (
        'pre_election', 'unofficial_partial', 'unofficial_complete', 'certified', 'correction', 'recount'
    )),
    publish text not null check (publish in ('live', 'at_close')),
    is_test boolean not null,
    opens_at timestamptz,
    closes_at timestamptz,
    partition_count smallint not null check (partition_count between 1 and 1024),
    seed bigint not null,
    source text,
    -- Of the folder that was registered: registering the same again changes nothing.
    folder_hash text not null,
    -- Set by `open`, once and together.
    opened_at timestamptz,
    registry_hash text check (registry_hash ~ '^[0-9a-f]{64}$'),
    topic_id text,
    check ((opens_at is null) = (closes_at is null) and opens_at < closes_at),
    check (publish = 'live' or closes_at is not null),
    check ((opened_at is null) = (registry_hash is null) and (opened_at is null) = (topic_id is null))
);

create table registry.election_methods (
    election_id text not null references registry.elections on delete cascade,
    method text not null references registry.methods (method),
    primary key (election_id, method)
);

create table registry.contests (
    election_id text not null references registry.elections on delete cascade,
    contest_id text not null check (registry.is_identifier(contest_id)),
    contest_number smallint not null check (contest_number >= 1),
    contest_name text not null,
    office text not null,
    district text,
    votes_allowed smallint not null check (votes_allowed >= 1),
    primary key (election_id, contest_id),
    unique (election_id, contest_number)
);

create table registry.candidates (
    election_id text not null,
    contest_id text not null,
    candidate_id text not null check (registry.is_identifier(candidate_id)),
    candidate_number smallint not null check (candidate_number >= 1),
    candidate_name text not null,
    party text,
    is_write_in boolean not null,
    primary key (election_id, contest_id, candidate_id),
    unique (election_id, contest_id, candidate_number),
    foreign key (election_id, contest_id) references registry.contests on delete cascade
);

create table registry.reporting_units (
    election_id text not null references registry.elections on delete cascade,
    reporting_unit_id text not null check (registry.is_identifier(reporting_unit_id)),
    reporting_unit_number integer not null check (reporting_unit_number >= 1),
    reporting_unit_name text not null,
    reporting_unit_type text not null,
    parent_id text,
    registered_voter_count integer check (registered_voter_count >= 0),
    primary key (election_id, reporting_unit_id),
    unique (election_id, reporting_unit_number),
    foreign key (election_id, parent_id) references registry.reporting_units
        on delete cascade deferrable initially deferred
);
comment on column registry.reporting_units.registered_voter_count is
'Registered voters as the source publishes them, for precincts; null where it does not.';

create table registry.ballot_styles (
    election_id text not null references registry.elections on delete cascade,
    ballot_style_id text not null check (registry.is_identifier(ballot_style_id)),
    ballot_style_number smallint not null check (ballot_style_number >= 1),
    primary key (election_id, ballot_style_id),
    unique (election_id, ballot_style_number)
);

create table registry.ballot_style_contests (
    election_id text not null,
    ballot_style_id text not null,
    contest_id text not null,
    primary key (election_id, ballot_style_id, contest_id),
    foreign key (election_id, ballot_style_id) references registry.ballot_styles on delete cascade,
    foreign key (election_id, contest_id) references registry.contests on delete cascade
);

create table registry.precinct_ballot_styles (
    election_id text not null,
    precinct_id text not null,
    ballot_style_id text not null,
    voter_count integer not null check (voter_count >= 0),
    primary key (election_id, precinct_id, ballot_style_id),
    foreign key (election_id, precinct_id) references registry.reporting_units on delete cascade,
    foreign key (election_id, ballot_style_id) references registry.ballot_styles on delete cascade
);
comment on column registry.precinct_ballot_styles.voter_count is
'Voters on the roll in this precinct with this style; `open` refuses a roll that differs.';

-- A row per voter, so the keys are integers: 1,000,000 voters are about 75 MB here.
create table registry.voters (
    election_number integer not null,
    voter_id text collate "C" not null check (registry.is_identifier(voter_id)),
    voter_number integer check (voter_number >= 0),
    precinct_number integer not null,
    ballot_style_number smallint not null,
    age_group text not null check (age_group in ('18-24', '25-34', '35-44', '45-54', '55-64', '65+', 'unknown')),
    gender text not null check (gender in ('female', 'male', 'unknown')),
    primary key (election_number, voter_id)
);

create table registry.voter_profiles (
    election_number integer not null,
    voter_id text collate "C" not null,
    full_name text not null,
    birth_date date,
    address text,
    email text,
    phone text,
    cell_phone text,
    picture_url text,
    primary key (election_number, voter_id)
);

create table registry.official_results (
    election_id text not null references registry.elections on delete cascade,
    contest_id text not null,
    candidate_id text not null,
    precinct_id text not null,
    method text not null references registry.methods (method),
    vote_count integer not null,
    primary key (election_id, contest_id, candidate_id, precinct_id, method)
);

create table registry.official_ballots (
    election_id text not null references registry.elections on delete cascade,
    precinct_id text not null,
    method text not null references registry.methods (method),
    ballot_count integer,
    blank_count integer,
    primary key (election_id, precinct_id, method)
);

create table registry.contradictions (
    election_id text not null references registry.elections on delete cascade,
    contradiction_number integer not null,
    kind text not null,
    precinct_id text,
    contest_id text,
    candidate_id text,
    method text,
    cell text not null,
    found text not null,
    expected text not null,
    action text not null,
    replayed_count integer,
    primary key (election_id, contradiction_number)
);
comment on column registry.contradictions.replayed_count is
'What the replay makes of the official cell this row names, where that differs from it; null where the cell is kept.';
