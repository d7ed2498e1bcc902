"""The topics: their names, keys of their configuration, and what the count relies on."""

VOTES_TOPIC = "votes_topic"
ELECTIONS_TOPIC = "elections_topic"
RESULTS_TOPIC = "results_vote_per_candidate_topic"
VOTERS_TOPIC = "voters_topic"
CANDIDATES_TOPIC = "candidates_topic"

MAX_MESSAGE_BYTES = 64 * 1024

# What makes the log the record; `open` sets it and the count's guard refuses anything else.
GUARDED_CONFIG = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(MAX_MESSAGE_BYTES),
    "unclean.leader.election.enable": "false",
}
COMPACT_CONFIG = {"cleanup.policy": "compact"}


def votes_topic_of(election_id: str, prefix: str = VOTES_TOPIC) -> str:
    """Return the name of an election's votes topic."""
    return f"{prefix}.{election_id}"
