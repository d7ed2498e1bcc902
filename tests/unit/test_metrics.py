"""Claims about metrics: what is read is what is told, and their names are the documented ones."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from election_assets.metrics.families import Reading, families
from election_assets.metrics.reading import ElectionFigures, UncountedFigures
from election_assets.settings import PROJECT

COUNTED = ElectionFigures(
    election_id="counted",
    position=103,
    counted_count=90,
    rejected_count=7,
    quarantined_count=3,
    hole_count=3,
    recount=1,
    is_within_hours=True,
    is_running=True,
    has_failed=False,
    batch_p50_seconds=0.29,
    batch_p95_seconds=0.34,
    counted_at=1_793_000_020.0,
    newest_ballot_at=1_793_000_019.5,
    history_at=1_793_000_010.0,
    verified_at=1_793_000_000.0,
    verified_position=100,
    is_verified=True,
)
FRESH = ElectionFigures("fresh", 0, 0, 0, 0, 0, 0, None, False, False, *([None] * 8))
READING = Reading(
    (COUNTED, FRESH),
    (UncountedFigures("counted", "rejected", "second_ballot", 7),),
    {"counted": 110},
    1_793_000_021.0,
)
# What a label may be called: nothing that tells of a candidate, a precinct or a voter.
LABELS = {"election_id", "verdict", "reason", "quantile", "source"}

Told = dict[str, float]


class Fixed(Collector):
    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def collect(self) -> Iterator[Metric]:
        return families(self.reading)


def told(reading: Reading) -> Told:
    """Return every sample as Prometheus reads it, by its name with its labels."""
    registry = CollectorRegistry()
    registry.register(Fixed(reading))
    return {
        sample.name + "".join(f",{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def names() -> set[str]:
    """Return the metrics by the names that their samples have."""
    return {family.name + ("_total" if family.type == "counter" else "") for family in families(Reading())}


def test_an_elections_figures_are_told() -> None:
    assert {name: value for name, value in told(READING).items() if "fresh" not in name} == {
        "election_up": 1,
        "election_log_up": 1,
        "election_read_errors_total,postgres": 0,
        "election_read_errors_total,kafka": 0,
        "election_read_timestamp_seconds": 1_793_000_021.0,
        "election_polls_open,counted": 1,
        "election_count_running,counted": 1,
        "election_count_failed,counted": 0,
        "election_position_messages,counted": 103,
        "election_log_end_messages,counted": 110,
        "election_lag_messages,counted": 7,
        "election_judged_messages_total,counted,counted": 90,
        "election_judged_messages_total,counted,rejected": 7,
        "election_judged_messages_total,counted,quarantined": 3,
        "election_uncounted_messages_total,counted,second_ballot,rejected": 7,
        "election_holes_total,counted": 3,
        "election_recount,counted": 1,
        "election_batch_duration_seconds,counted,0.5": 0.29,
        "election_batch_duration_seconds,counted,0.95": 0.34,
        "election_committed_timestamp_seconds,counted": 1_793_000_020.0,
        "election_newest_ballot_timestamp_seconds,counted": 1_793_000_019.5,
        "election_history_timestamp_seconds,counted": 1_793_000_010.0,
        "election_verified_timestamp_seconds,counted": 1_793_000_000.0,
        "election_verified_position_messages,counted": 100,
        "election_verified,counted": 1,
    }


def test_what_is_not_known_is_absent_rather_than_zero() -> None:
    fresh = {name for name in told(READING) if ",fresh" in name}
    assert fresh == {
        "election_count_running,fresh",
        "election_count_failed,fresh",
        "election_position_messages,fresh",
        "election_recount,fresh",
        "election_holes_total,fresh",
        *(f"election_judged_messages_total,fresh,{verdict}" for verdict in ("counted", "rejected", "quarantined")),
    }


def test_without_the_marts_nothing_is_told_of_any_election() -> None:
    away = told(Reading(None, (), None, 1_793_000_021.0, {"postgres": 2, "kafka": 0}))
    assert away == {
        "election_up": 0,
        "election_log_up": 0,
        "election_read_errors_total,postgres": 2,
        "election_read_errors_total,kafka": 0,
        "election_read_timestamp_seconds": 1_793_000_021.0,
    }


def test_without_kafka_the_lag_alone_is_not_told() -> None:
    away = told(replace(READING, log_ends=None))
    assert away["election_up"] == 1
    assert set(told(READING)) - set(away) == {"election_log_end_messages,counted", "election_lag_messages,counted"}


def test_no_label_can_name_a_candidate_a_precinct_or_a_voter() -> None:
    found = {label for family in families(READING) for sample in family.samples for label in sample.labels}
    assert found == LABELS


def test_names_have_base_units_and_a_help_each() -> None:
    for family in families(Reading()):
        assert family.documentation
        assert not re.search(r"_(ms|millis|minutes|count)$", family.name)
        # `_total` is for counters alone.
        assert (family.type == "counter") == (family.name + "_total" in names())


def test_the_documentation_has_every_metric_and_no_other() -> None:
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(election_\w+)` \|", page, re.MULTILINE)) == names()


def test_the_alert_rules_name_metrics_that_there_are() -> None:
    rules = yaml.safe_load((PROJECT / "docs" / "alerts.yml").read_text(encoding="utf-8"))
    (group,) = rules["groups"]
    assert group["name"] == "election"
    for rule in group["rules"]:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
        found = set(re.findall(r"election_(?!id\b)\w+", rule["expr"]))
        assert found
        assert found <= names()


@pytest.mark.parametrize("rule", ["ElectionCountNotRunning"])
def test_the_rule_that_the_documentation_shows_is_the_one_of_the_file(rule: str) -> None:
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    (shown,) = re.findall(rf"- alert: {rule}\n  expr: (.*)\n", page)
    assert f"- alert: {rule}\n        expr: {shown}\n" in (PROJECT / "docs" / "alerts.yml").read_text(encoding="utf-8")
