"""The claim that a producer may compress as it likes: its ballots are counted, looked at and recounted."""

from collections.abc import Callable

import pytest

from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings
from election_assets.verifying import verify_election
from spark.figures import CountFigures
from spark.topic import LogReader
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.log import appended, opened


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_compressed_ballots_are_ballots(
    settings: Settings, count_now: Callable[..., CountFigures], marts: Callable[[], None], codec: str
) -> None:
    election = made_election(f"compressed-{codec}", partition_count=1)
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    appended(settings, election.election_id, ballots[:150], codec)
    assert count_now(election.election_id).counted == 150
    # The guard of this count looks at the last message of the one before.
    appended(settings, election.election_id, ballots[150:], codec)
    assert count_now(election.election_id).counted == len(ballots) - 150
    assert verify_election(settings, election.election_id).has_passed
    with LogReader(settings.kafka, votes_topic_of(election.election_id)) as log:
        assert [one.value for one in log.messages_from(0, 0, len(ballots))] == [one.value for one in ballots]
    (segment,) = (settings.home / "kafka").rglob(f"{votes_topic_of(election.election_id)}-0/*.log")
    assert segment.stat().st_size < sum(len(one.value or b"") for one in ballots) / 2
