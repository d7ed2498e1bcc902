"""Claims about replicas: how many a topic is made with, and which the count's guard refuses."""

from typing import Any

import pytest

from election_assets.domain.topics import GUARDED_CONFIG
from election_assets.errors import PermanentError
from election_assets.kafka_cluster import KafkaCluster
from election_assets.resources import vote_log
from election_assets.resources.vote_log import create_topic
from spark.guard import check_topic
from spark.topic import TopicFacts
from tests.support.elections import frozen, made_election

ELECTION, _ = frozen(made_election("replicated"))


def facts(replicas: int, brokers: int, in_sync: int) -> TopicFacts:
    config = {**GUARDED_CONFIG, "min.insync.replicas": str(in_sync)}
    return TopicFacts("votes", "id", ELECTION.partition_count, replicas, brokers, config)


@pytest.mark.parametrize(("replicas", "brokers", "in_sync"), [(1, 1, 1), (3, 3, 2), (3, 2, 2), (3, 1, 2), (3, 5, 3)])
def test_a_topic_that_keeps_what_it_acknowledged_is_counted(replicas: int, brokers: int, in_sync: int) -> None:
    check_topic(facts(replicas, brokers, in_sync), "votes", "id", ELECTION)


@pytest.mark.parametrize(("replicas", "brokers", "in_sync"), [(1, 3, 1), (2, 3, 2), (3, 3, 1), (3, 1, 1), (1, 2, 1)])
def test_a_topic_that_can_lose_what_it_acknowledged_is_refused(replicas: int, brokers: int, in_sync: int) -> None:
    with pytest.raises(PermanentError, match=f"has {replicas} replicas and min.insync.replicas={in_sync}"):
        check_topic(facts(replicas, brokers, in_sync), "votes", "id", ELECTION)


@pytest.mark.parametrize(("brokers", "replicas", "in_sync"), [(1, 1, "1"), (2, 3, "2"), (3, 3, "2")])
def test_a_topic_is_made_for_a_cluster_wherever_there_is_more_than_one_broker(
    monkeypatch: pytest.MonkeyPatch, brokers: int, replicas: int, in_sync: str
) -> None:
    made: dict[str, Any] = {}

    class Admin:
        def __init__(self, **_: object) -> None: ...

        def describe_cluster(self) -> dict[str, list[int]]:
            return {"brokers": [*range(brokers)]}

        def create_topics(self, topics: dict[str, Any], **_: object) -> None:
            made.update(topics)

        def close(self) -> None: ...

    monkeypatch.setattr(vote_log, "KafkaAdminClient", Admin)
    create_topic(KafkaCluster("nowhere"), "votes", 4, GUARDED_CONFIG)
    assert made["votes"]["replication_factor"] == replicas
    assert made["votes"]["configs"]["min.insync.replicas"] == in_sync
