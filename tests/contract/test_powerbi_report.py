"""What the Power BI report promises: valid by the published schemas, bound to the model, and without a secret."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from dashboard.colours import FALLBACK, PARTIES, WRITE_IN
from tests.support.tmdl import read_model

PROJECT = Path(__file__).parents[2] / "dashboard" / "powerbi"
REPORT = PROJECT / "Election.Report"
SCHEMAS = Path(__file__).parents[1] / "data" / "schemas" / "fabric"
PUBLISHED = "https://developer.microsoft.com/json-schemas/fabric/"
# 0.4.0, the newest, needs a package that is not published (@microsoft/powerbi-desktop-bridge-cli).
VALIDATOR = ("@microsoft/powerbi-report-authoring-cli@0.1.4", "@microsoft/powerbi-core-visual-schema@0.1.1")

Json = dict[str, Any]

FILES = sorted(path for path in PROJECT.rglob("*") if path.is_file())
DOCUMENTS = {path: json.loads(path.read_text(encoding="utf-8")) for path in FILES if path.suffix != ".tmdl"}
PAGES = {path.parent.name: DOCUMENTS[path] for path in DOCUMENTS if path.name == "page.json"}
VISUALS = {path: DOCUMENTS[path] for path in DOCUMENTS if path.name == "visual.json"}
TABLES = read_model(PROJECT / "Election.SemanticModel" / "definition").of("table")


@pytest.fixture(scope="module")
def registry() -> Registry[Any]:
    """Give the copied schemas under their published addresses, and under the ids that some name differently."""
    made: Registry[Any] = Registry()
    for path in SCHEMAS.rglob("*.json"):
        resource = Resource.from_contents(json.loads(path.read_text(encoding="utf-8")))
        address = f"{PUBLISHED}{path.relative_to(SCHEMAS).as_posix()}"
        made = made.with_resources([(address, resource), (resource.id() or address, resource)])
    return made


def inside(value: Any) -> Iterator[Json]:
    """Yield every object in a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from inside(each)


def fields(visual: Json) -> list[tuple[str, str, str]]:
    """Return kind, table and name of every field a visual shows, sorts by or takes a colour from."""
    return [
        (kind, one[kind]["Expression"]["SourceRef"]["Entity"], one[kind]["Property"])
        for one in inside(visual)
        for kind in ("Column", "Measure")
        if kind in one
    ]


def literal(properties: Json, name: str) -> str:
    return properties[name]["expr"]["Literal"]["Value"]


def only(objects: Json, name: str) -> Json:
    (one,) = objects[name]
    return one["properties"]


def on_page(page: str) -> dict[str, Json]:
    return {path.parent.name: visual for path, visual in VISUALS.items() if path.parents[2].name == page}


def test_every_file_is_valid_by_the_schema_it_names(registry: Registry[Any]) -> None:
    checked = 0
    for path, document in DOCUMENTS.items():
        if "$schema" in document:
            schema = registry.contents(document["$schema"])
            Draft7Validator.check_schema(schema)
            errors = list(Draft7Validator(schema, registry=registry).iter_errors(document))
            assert errors == [], (path.relative_to(PROJECT), errors[0].message)
            checked += 1
    # The shortcut for the connection and the theme have no published schema here.
    assert checked == len(DOCUMENTS) - 2


def test_only_schemas_in_use_are_kept() -> None:
    used: set[str] = set()
    wanted = {document["$schema"] for document in DOCUMENTS.values() if "$schema" in document}
    while wanted:
        address = wanted.pop()
        used.add(address)
        schema = json.loads((SCHEMAS / address.removeprefix(PUBLISHED)).read_text(encoding="utf-8"))
        refs = {one["$ref"].partition("#")[0] for one in inside(schema) if isinstance(one.get("$ref"), str)}
        wanted |= {urljoin(address, ref) for ref in refs if ref} - used
    assert used == {f"{PUBLISHED}{path.relative_to(SCHEMAS).as_posix()}" for path in SCHEMAS.rglob("*.json")}


def test_report_and_model_are_found_by_each_other() -> None:
    (artifact,) = DOCUMENTS[PROJECT / "Election.pbip"]["artifacts"]
    assert (PROJECT / artifact["report"]["path"]) == REPORT
    reference = DOCUMENTS[REPORT / "definition.pbir"]["datasetReference"]["byPath"]["path"]
    assert (REPORT / reference / "definition.pbism").resolve().is_file()
    identities = [document["config"]["logicalId"] for path, document in DOCUMENTS.items() if path.name == ".platform"]
    assert len(identities) == len(set(identities)) == 2


def test_the_shortcut_leads_to_the_same_database_live() -> None:
    (connection,) = DOCUMENTS[PROJECT / "election.pbids"]["connections"]
    assert connection["mode"] == "DirectQuery"
    assert connection["details"] == {
        "protocol": "postgresql",
        "address": {"server": "localhost:5432", "database": "election"},
    }


def test_every_field_shown_is_in_the_model() -> None:
    assert VISUALS
    for path, visual in VISUALS.items():
        for kind, table, name in fields(visual):
            assert name in TABLES[table].of(kind.lower()), (path.parent.name, table, name)
        for projection in inside(visual):
            if "queryRef" in projection:
                ((_, table, name),) = fields(projection["field"])
                assert (projection["queryRef"], projection["nativeQueryRef"]) == (f"{table}.{name}", name)


def test_no_visual_shows_a_hidden_key() -> None:
    shown = {(table, name) for visual in VISUALS.values() for kind, table, name in fields(visual) if kind == "Column"}
    assert [one for one in shown if "isHidden" in TABLES[one[0]].of("column")[one[1]].properties] == []


def test_there_are_three_pages_in_order_and_all_refresh_every_five_seconds() -> None:
    order = DOCUMENTS[REPORT / "definition" / "pages" / "pages.json"]
    assert order["pageOrder"] == ["results", "turnout", "integrity"]
    assert set(PAGES) == set(order["pageOrder"])
    for folder, page in PAGES.items():
        assert page["name"] == folder
        refresh = only(page["objects"], "pageRefresh")
        assert (literal(refresh, "show"), literal(refresh, "duration")) == ("true", "'PT5S'")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_of_which_election_it_is_and_that_it_is_unofficial(page: str) -> None:
    visuals = on_page(page)
    assert ("Column", "dim_elections", "election_name") in fields(visuals["election_slicer"])
    assert visuals["election_slicer"]["visual"]["syncGroup"]["groupName"] == "election"
    shown = fields(visuals["status_cards"])
    assert {name for _, _, name in shown} == {"Election status", "Counted at", "Log position"}
    assert "unofficial until" in json.dumps(visuals["unofficial_note"])


def test_one_election_and_one_contest_are_chosen_at_a_time() -> None:
    slicers = {
        path.parent.name: one["visual"] for path, one in VISUALS.items() if one["visual"]["visualType"] == "slicer"
    }
    assert set(slicers) == {"election_slicer", "contest_slicer"}
    for slicer in slicers.values():
        assert literal(only(slicer["objects"], "selection"), "strictSingleSelect") == "true"


def test_visuals_lie_within_their_page_apart_from_each_other_and_are_told_in_words() -> None:
    for name, page in PAGES.items():
        placed = []
        for folder, visual in on_page(name).items():
            assert visual["name"] == folder
            assert literal(only(visual["visual"]["visualContainerObjects"], "general"), "altText").endswith(".'")
            at = visual["position"]
            box = (at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"])
            assert min(box) >= 0
            assert box[2] <= page["width"]
            assert box[3] <= page["height"]
            for other in placed:
                assert box[0] >= other[2] or other[0] >= box[2] or box[1] >= other[3] or other[1] >= box[3], folder
            placed.append(box)


def test_the_theme_is_registered_and_gives_no_party_a_colour_by_chance() -> None:
    report = DOCUMENTS[REPORT / "definition" / "report.json"]
    theme = report["themeCollection"]["customTheme"]
    ((package, (item,)),) = [(each["type"], each["items"]) for each in report["resourcePackages"]]
    file = DOCUMENTS[REPORT / "StaticResources" / package / item["path"]]
    assert theme["name"] == item["name"] == file["name"]
    # All of them are told apart with any kind of colour vision: tests/unit/test_dashboard_colours.py.
    assert set(file["dataColors"]) == {*FALLBACK, *PARTIES.values(), WRITE_IN}
    assert tuple(file["dataColors"][: len(FALLBACK)]) == FALLBACK


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_no_file_holds_a_credential_or_an_address_of_ours(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"password|passwd|\bpwd\b|user ?id|user ?name|\buid=|secret|token|credential", text, re.IGNORECASE
    )
    assert not re.search(r"\breader\b", text)
    assert {address for address in re.findall(r"https?://[^\s\"]+", text) if not address.startswith(PUBLISHED)} == set()
    assert set(re.findall(r"[\w.-]+:\d{4,5}\b", text)) <= {"localhost:5432"}


@pytest.mark.slow
def test_the_published_validator_accepts_the_report(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is missing: the published validator of Power BI reports runs on Node.js 20 or newer")
    install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(tmp_path), *VALIDATOR]
    installed = subprocess.run(install, capture_output=True, text=True, timeout=300, check=False)
    if re.search("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT", installed.stderr):
        pytest.skip(f"the registry of npm cannot be reached: {installed.stderr.splitlines()[0]}")
    assert installed.returncode == 0, installed.stderr
    # Without its schemas: it would fetch them, and they are checked above.
    command = [str(tmp_path / "node_modules" / ".bin" / "powerbi-report-author"), "validate", "--no-schema"]
    validated = subprocess.run(
        [*command, str(PROJECT / "Election.pbip")], capture_output=True, text=True, timeout=120, check=False
    )
    verdict = json.loads(validated.stdout)["data"]
    assert (verdict["result"], verdict["errorCount"], verdict["warningCount"]) == ("succeeded", 0, 0), verdict
