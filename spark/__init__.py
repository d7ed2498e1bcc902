"""The count: Kafka to Postgres with Spark Structured Streaming; never imports Dagster."""
