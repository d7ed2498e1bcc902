"""What a command made, told to Dagster, so that its graph shows it as it shows what a run made."""

import dagster as dg

from election_assets.assets.outcomes import tables_written
from election_assets.assets.registry import TABLES
from election_assets.assets.votes import RAW_VOTES, REGISTRY_TOPICS, VOTES_TOPIC
from election_assets.domain.topics import votes_topic_of
from election_assets.instance import opened_instance
from election_assets.settings import Settings


def tell_opened(settings: Settings, election_id: str) -> None:
    """Tell of the registry and the topics of an election that was opened."""
    written = {
        result.asset_key: result.metadata
        for result in tables_written(settings.conninfo("registrar"), "registry", TABLES, election_id, {})
    }
    topic = votes_topic_of(election_id, settings.votes_topic)
    topics = (settings.voters_topic, settings.candidates_topic)
    written |= {key: {"topic": name} for key, name in zip(REGISTRY_TOPICS, topics, strict=True)}
    written |= {VOTES_TOPIC: {"topic": topic}, RAW_VOTES: {"topic": topic}}
    with opened_instance(settings) as instance:
        for key, metadata in written.items():
            if key is not None:
                event = dg.AssetMaterialization(key, metadata=metadata, partition=election_id)
                instance.report_runless_asset_event(event)
