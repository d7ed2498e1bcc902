"""Claims about people from a service or a file: they are the roll's, and nothing but `voter_profiles` knows them."""

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from kafka import KafkaAdminClient
from psycopg import sql

from election_assets.assets.registry import registered_election
from election_assets.assets.votes import published_registry, votes_topic
from election_assets.domain.election import Election
from election_assets.domain.election_folder import write_election
from election_assets.domain.people import Person, age_group_of
from election_assets.errors import PermanentError, TransientError
from election_assets.people import people_on_roll
from election_assets.registry import Registered, register
from election_assets.registry_events import publish_registry
from election_assets.resources.lazy_settings import LazySettings
from election_assets.settings import PeopleSettings, PeopleSource, Settings
from spark.figures import CountFigures
from spark.topic import LogReader
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import owner, positions_of
from tests.support.log import appended, opened
from tests.support.people_service import PeopleService, User, answered, people_service, user

DAY = date(2026, 11, 3)
PROFILE = "full_name, birth_date, address, email, phone, cell_phone, picture_url"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[PeopleService]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with people_service() as serving:
        yield serving


@pytest.fixture
def by_service(settings: Settings, service: PeopleService) -> Settings:
    """The session's settings, with people from the service."""
    return replace(settings, people=PeopleSettings(PeopleSource.API, service.url, Path()))


def registered(settings: Settings, election: Election, *, anew: bool = False) -> Registered:
    return register(settings.conninfo("registrar"), election, people_on_roll(settings.people, election), anew=anew)


def voters_of(settings: Settings, election_id: str) -> list[tuple[str, str, str]]:
    """Return voter_id, age group and gender of everyone on the roll."""
    with owner(settings) as connection:
        return connection.execute(
            "select voter_id, age_group, gender from registry.voters join registry.elections using (election_number)"
            " where election_id = %s order by voter_id",
            (election_id,),
        ).fetchall()


def profiles_of(settings: Settings, election_id: str) -> dict[str, tuple[object, ...]]:
    """Return what is known of everyone on the roll, by voter_id."""
    with owner(settings) as connection:
        rows = connection.execute(
            f"select voter_id, {PROFILE} from registry.voter_profiles join registry.elections using (election_number)"
            " where election_id = %s".encode(),
            (election_id,),
        ).fetchall()
    return {voter_id: tuple(values) for voter_id, *values in rows}


def people_of(settings: Settings, election: Election) -> list[Person]:
    """Ask the service who an election's voters are."""
    return list(people_on_roll(settings.people, election) or ())


def ends_of_logs(settings: Settings) -> dict[tuple[str, int], int]:
    """Return where each partition of each topic ends."""
    admin = KafkaAdminClient(**settings.kafka.client_options())
    topics = admin.list_topics()
    admin.close()
    ends = {}
    for topic in topics:
        with LogReader(settings.kafka, topic) as log:
            ends |= {(topic, partition): end for partition, (_, end) in log.starts_and_ends().items()}
    return ends


def places_with(settings: Settings, pattern: str, before: dict[tuple[str, int], int]) -> set[str]:
    """Return the tables, topics (beyond the ends of `before`) and log files in which the pattern is found."""
    found = set()
    with owner(settings) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname in ('registry', 'ledger', 'public', 'staging', 'intermediate', 'marts')"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("select exists (select from {} one where one::text ~ %s)")
            if connection.execute(query.format(sql.Identifier(schema, table)), (pattern,)).fetchone() == (True,):
                found.add(f"{schema}.{table}")
    for (topic, partition), end in ends_of_logs(settings).items():
        with LogReader(settings.kafka, topic) as log:
            for one in log.messages_from(partition, before.get((topic, partition), 0), end):
                if re.search(pattern, f"{one.key!r} {one.value!r}"):
                    found.add(topic)
    for file in settings.home.rglob("*.log"):
        if "data" not in file.parts and re.search(pattern, file.read_text(errors="replace")):
            found.add(file.name)
    return found


def test_the_people_of_the_service_are_the_roll_and_agree_with_it(
    settings: Settings, by_service: Settings, service: PeopleService
) -> None:
    election = made_election("from-service", election_date=DAY)
    assert registered(by_service, election).is_new
    people = people_of(by_service, election)
    assert people[0].email == user(service.asked[0]["seed"], 1, 0)["email"]
    roll = [voter.voter_id for voter in roll_of(election)]
    assert profiles_of(settings, "from-service") == {
        voter_id: tuple(getattr(person, column) for column in PROFILE.split(", "))
        for voter_id, person in zip(roll, people, strict=True)
    }
    expected = {
        voter_id: (age_group_of(person.birth_date, DAY), person.gender)
        for voter_id, person in zip(roll, people, strict=True)
    }
    assert {voter_id: tuple(groups) for voter_id, *groups in voters_of(settings, "from-service")} == expected
    # Some are too young to vote, so that their age is unknown; nobody's is what an invented voter would have.
    assert "unknown" in {group for group, _ in expected.values()}
    register(settings.conninfo("registrar"), replace(election, election_id="invented"))
    assert not {group for _, group, _ in voters_of(settings, "invented")} & {"unknown"}


def test_nothing_but_the_profiles_holds_a_name_or_an_address(
    settings: Settings, by_service: Settings, count_now: Callable[..., CountFigures]
) -> None:
    election = made_election("nowhere-else")
    before = ends_of_logs(settings)
    registered(by_service, election)
    # Opened, published, voted in and counted with the roll that the people made.
    opened(settings, election)
    publish_registry(settings, "nowhere-else")
    appended(settings, "nowhere-else", [draft(election, voter).message() for voter in roll_of(election)[::2]])
    count_now("nowhere-else")
    assert positions_of(settings, "nowhere-else")["counted"] == len(roll_of(election)) / 2
    # In each name and each address of the service's people, and in nothing else.
    pattern = "(?i)(quackenbush|zzyzxson|xylander|verflåt|quigley)-[0-9a-f]{6}"
    for person in people_of(by_service, election):
        assert len(re.findall(pattern, f"{person.full_name} {person.email}")) == 2
    assert places_with(settings, pattern, before) == {"registry.voter_profiles"}


def test_a_draft_keeps_its_people_unless_it_is_registered_anew_and_an_open_election_in_any_case(
    settings: Settings, by_service: Settings, service: PeopleService
) -> None:
    election = made_election("other-people", voters_each=5)
    assert registered(settings, election).is_new
    invented = profiles_of(settings, "other-people")
    assert not registered(by_service, election).is_new
    assert (profiles_of(settings, "other-people"), service.asked) == (invented, [])
    assert registered(by_service, election, anew=True).is_new
    theirs = profiles_of(settings, "other-people")
    assert invented.keys() == theirs.keys()
    assert not set(invented.values()) & set(theirs.values())
    opened(settings, election)
    asked = len(service.asked)
    assert not registered(by_service, election, anew=True).is_new
    assert (profiles_of(settings, "other-people"), len(service.asked)) == (theirs, asked)


def test_a_service_that_breaks_off_leaves_the_draft_as_it_was(
    settings: Settings, by_service: Settings, service: PeopleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("election_assets.resources.people_api._PAGE", 10)
    election = made_election("broken-off", voters_each=5)
    registered(settings, election)
    before = profiles_of(settings, "broken-off"), voters_of(settings, "broken-off")

    def refusing_the_next(_page: int, at: int, one: User) -> User:
        if at == 0:
            service.faults.append(answered(404))
        return one

    service.spoil = refusing_the_next
    with pytest.raises(PermanentError, match="answered with status 404"):
        registered(by_service, replace(election, election_name="Another name"))
    assert [query["page"] for query in service.asked] == ["1", "2"]
    assert (profiles_of(settings, "broken-off"), voters_of(settings, "broken-off")) == before


def test_a_file_of_people_is_the_roll(settings: Settings, tmp_path: Path) -> None:
    election = made_election("from-file", voters_each=1, election_date=DAY)
    file = tmp_path / "people.csv"
    rows = ["Zenobia One,female,2008-11-03", "Zenobia Two,,2008-11-04", "Three,male,1961-01-01", "Four,male,", "Five,,"]
    file.write_text("\n".join(("full_name,gender,birth_date", *rows)))
    registered(replace(settings, people=PeopleSettings(PeopleSource.FILE, "", file)), election)
    names = {voter_id: values[0] for voter_id, values in profiles_of(settings, "from-file").items()}
    assert {(names[voter_id], *groups) for voter_id, *groups in voters_of(settings, "from-file")} == {
        ("Zenobia One", "18-24", "female"),
        ("Zenobia Two", "unknown", "unknown"),
        ("Three", "65+", "male"),
        ("Four", "unknown", "male"),
        ("Five", "unknown", "unknown"),
    }


def test_people_whom_postgres_does_not_take_are_not_repeated(settings: Settings, by_service: Settings) -> None:
    election = made_election("not-taken", voters_each=5)
    with owner(settings) as connection:
        refused = "check (email not like '%@people.example') not valid"
        connection.execute(f"alter table registry.voter_profiles add constraint nobody {refused}".encode())
    try:
        with pytest.raises(PermanentError, match="Postgres did not take the people of 'not-taken'") as raised:
            registered(by_service, election)
    finally:
        with owner(settings) as connection:
            connection.execute("alter table registry.voter_profiles drop constraint nobody")
    told = "".join(traceback.format_exception(raised.value))
    assert [person.full_name for person in people_of(by_service, election) if person.full_name in told] == []
    assert voters_of(settings, "not-taken") == []


def test_a_database_that_goes_away_meanwhile_is_a_sentence_and_may_be_tried_again(
    settings: Settings, by_service: Settings
) -> None:
    election = made_election("gone-meanwhile", voters_each=5)

    def people() -> Iterator[Person]:
        yield from people_of(by_service, election)[:-1]
        with owner(settings) as connection:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'registrar'")
        yield from people_of(by_service, election)[-1:]

    with pytest.raises(TransientError, match="did not take the people of 'gone-meanwhile'"):
        register(settings.conninfo("registrar"), election, people())
    assert register(settings.conninfo("registrar"), election, people_of(by_service, election)).is_new


def test_the_assets_register_the_same_people_and_say_nothing_of_them(
    settings: Settings,
    by_service: Settings,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    election = made_election("by-asset", voters_each=5)
    write_election(election, tmp_path / "elections" / "by-asset")
    monkeypatch.chdir(tmp_path)
    people = {"ELECTION_PEOPLE": "api", "ELECTION_PEOPLE_URL": by_service.people.url}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("elections", ["by-asset"])
        done = dg.materialize(
            [registered_election, votes_topic, published_registry],
            instance=instance,
            partition_key="by-asset",
            resources={"settings": LazySettings({**environment, **people})},
        )
        told = "\n".join(str(event) for event in instance.all_logs(done.run_id))
    known = people_of(by_service, election)
    assert {values[0] for values in profiles_of(settings, "by-asset").values()} == {one.full_name for one in known}
    assert [one for one in known if one.full_name in told or (one.email or "") in told] == []
    figures = {
        event.asset_key.path[-1]: event.materialization.metadata["dagster/row_count"].value
        for event in done.get_asset_materialization_events()
        if event.asset_key and event.asset_key.path[0] == "votes" and event.asset_key.path[-1] != "votes_topic"
    }
    assert figures == {"voters_topic": 25, "candidates_topic": 9}
