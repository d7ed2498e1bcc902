-- The freeze: once an election is open its rows cannot change, but for its status.

create function registry.refuse_frozen(frozen_election_id text) returns void
language plpgsql as $$
begin
    raise exception 'Election % is open, so its registry is frozen: register a new election under another id.',
        frozen_election_id using errcode = 'object_not_in_prerequisite_state';
end $$;

-- Statement-level with transition tables: a row-level trigger costs a million calls on a roll of a million.
create function registry.keep_frozen_by_id() returns trigger language plpgsql as $$
declare frozen text;
begin
    -- Locked, so that a change under way and an opening wait for each other.
    perform 1 from registry.elections where election_id in (select election_id from changed_rows) for share;
    select election_id into frozen from registry.elections
    where election_id in (select election_id from changed_rows) and opened_at is not null limit 1;
    if found then perform registry.refuse_frozen(frozen); end if;
    return null;
end $$;

create function registry.keep_frozen_by_number() returns trigger language plpgsql as $$
declare frozen text;
begin
    perform 1 from registry.elections where election_number in (select election_number from changed_rows) for share;
    select election_id into frozen from registry.elections
    where election_number in (select election_number from changed_rows) and opened_at is not null limit 1;
    if found then perform registry.refuse_frozen(frozen); end if;
    return null;
end $$;

create function registry.keep_frozen_election() returns trigger language plpgsql as $$
begin
    if old.opened_at is not null
       and (tg_op = 'DELETE' or to_jsonb(old) - 'status' is distinct from to_jsonb(new) - 'status') then
        perform registry.refuse_frozen(old.election_id);
    end if;
    return coalesce(new, old);
end $$;

create function registry.refuse_truncate() returns trigger language plpgsql as $$
begin
    raise exception 'registry.% cannot be truncated: open elections are frozen.', tg_table_name
        using errcode = 'object_not_in_prerequisite_state';
end $$;

create trigger keep_frozen before update or delete on registry.elections
for each row execute function registry.keep_frozen_election();

do $$
declare
    name text;
    guard text;
begin
    foreach name in array array[
        'election_methods', 'contests', 'candidates', 'reporting_units', 'ballot_styles', 'ballot_style_contests',
        'precinct_ballot_styles', 'voters', 'voter_profiles', 'official_results', 'official_ballots', 'contradictions'
    ] loop
        guard := case when name in ('voters', 'voter_profiles')
            then 'keep_frozen_by_number' else 'keep_frozen_by_id' end;
        execute format('create trigger keep_frozen_insert after insert on registry.%I referencing new table as '
            'changed_rows for each statement execute function registry.%I()', name, guard);
        execute format('create trigger keep_frozen_update after update on registry.%I referencing old table as '
            'changed_rows for each statement execute function registry.%I()', name, guard);
        execute format('create trigger keep_frozen_delete after delete on registry.%I referencing old table as '
            'changed_rows for each statement execute function registry.%I()', name, guard);
        -- A row moved into a frozen election is only in the new table.
        execute format('create trigger keep_frozen_moved after update on registry.%I referencing new table as '
            'changed_rows for each statement execute function registry.%I()', name, guard);
        execute format('create trigger keep_untruncated before truncate on registry.%I '
            'execute function registry.refuse_truncate()', name);
    end loop;
end $$;

-- Everything of an election but its voters, as one text with one spelling: what the freeze hashes before the roll.
create function registry.definition(of_election text) returns text stable language sql as $$
select jsonb_build_object(
    'election', (
        select to_jsonb(e) - '{election_number,status,opened_at,registry_hash,topic_id}'::text[]
            || jsonb_build_object(
                'opens_at', extract(epoch from e.opens_at), 'closes_at', extract(epoch from e.closes_at))
        from registry.elections e where e.election_id = of_election),
    'methods', (
        select jsonb_agg(m.method order by m.method collate "C")
        from registry.election_methods m where m.election_id = of_election),
    'contests', (
        select jsonb_agg(to_jsonb(c) order by c.contest_number)
        from registry.contests c where c.election_id = of_election),
    'candidates', (
        select jsonb_agg(to_jsonb(c) order by c.contest_id collate "C", c.candidate_number)
        from registry.candidates c where c.election_id = of_election),
    'reporting_units', (
        select jsonb_agg(to_jsonb(u) order by u.reporting_unit_number)
        from registry.reporting_units u where u.election_id = of_election),
    'ballot_styles', (
        select jsonb_agg(to_jsonb(s) order by s.ballot_style_number)
        from registry.ballot_styles s where s.election_id = of_election),
    'ballot_style_contests', (
        select jsonb_agg(to_jsonb(s) order by s.ballot_style_id collate "C", s.contest_id collate "C")
        from registry.ballot_style_contests s where s.election_id = of_election),
    'precinct_ballot_styles', (
        select jsonb_agg(to_jsonb(p) order by p.precinct_id collate "C", p.ballot_style_id collate "C")
        from registry.precinct_ballot_styles p where p.election_id = of_election)
)::text
$$;
