"""Orchestration and the domain: registry, votes, ledger and marts as Dagster assets, and the CLI beside them."""
