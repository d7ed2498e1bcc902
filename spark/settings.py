"""What a count needs to be told."""

from dataclasses import dataclass, field
from pathlib import Path

from election_assets.domain.topics import ELECTIONS_TOPIC, RESULTS_TOPIC, VOTES_TOPIC, votes_topic_of
from election_assets.kafka_cluster import KafkaCluster


@dataclass(frozen=True, slots=True)
class CountSettings:
    """Settings of one count run; times in seconds.

    `conninfo` is the counter's. The run ends after `idle_seconds` without messages, or after
    `max_life_seconds` where that is set, and fails where a micro-batch takes more than
    `stuck_seconds`: the longest transaction is ended after 60. `work_folder` holds the roll's arrays and the
    throw-away checkpoints; workers on other hosts use a folder of the same name there.
    """

    election_id: str
    run_id: str
    kafka: KafkaCluster
    conninfo: str = field(repr=False)
    work_folder: Path
    votes_topic: str = VOTES_TOPIC
    elections_topic: str = ELECTIONS_TOPIC
    results_topic: str = RESULTS_TOPIC
    idle_seconds: float = 2.0
    max_life_seconds: float | None = None
    max_offsets_per_trigger: int = 200_000
    stuck_seconds: float = 120.0

    @property
    def topic(self) -> str:
        """Return the votes topic of this election."""
        return votes_topic_of(self.election_id, self.votes_topic)
