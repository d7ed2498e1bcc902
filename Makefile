# Every target can be run at any time and needs nothing set up but Python 3.11-3.13, Java 17+ and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ELECTION ?= adams-2020
RATE ?= 200
INSTALLED := $(VENV)/.installed

.PHONY: help setup demo dev live test test-more lint bench soak docs lock down clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED) ## install what is locked: .venv and the jars of Kafka and Spark

$(INSTALLED): requirements.txt pyproject.toml engines/jars/*/jgo.lock.toml
	@$(PYTHON) engines/prerequisites.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.txt
	@echo "Installing the locked packages into $(VENV) …"
	@PATH="$$PWD/$(BIN):$$PATH" uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.txt
	@PATH="$$PWD/$(BIN):$$PATH" uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@$(BIN)/python -m engines.jars
	@touch $@

demo: $(INSTALLED) ## count a real election and compare with its official figures [ELECTION=adams-2020]
	@$(BIN)/election demo $(ELECTION)

dev: $(INSTALLED) ## Dagster and the Streamlit page over the same engines, until Ctrl-C
	@$(BIN)/election dev

live: $(INSTALLED) ## an election night: voters cast, Dagster counts, until Ctrl-C [ELECTION=adams-2020 RATE=200]
	@$(BIN)/election live $(ELECTION) --rate $(RATE)

test: $(INSTALLED) ## the test suite, on real engines of its own (under 15 minutes)
	@$(BIN)/python -m pytest -m "not slow"

test-more: $(INSTALLED) ## the slow rest of the tests
	@$(BIN)/python -m pytest -m slow

lint: $(INSTALLED) ## style, types and the direction of imports
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

bench: $(INSTALLED) ## ballots per second, beside calibrators in the same minutes [SIZE=smoke|full]
	@$(BIN)/python -m benchmarks $(SIZE)

soak: $(INSTALLED) ## a night of 21 minutes at 500 ballots/s with three failures: memory, lag, a plain recount
	@$(BIN)/python -m benchmarks.soak

docs: $(INSTALLED) ## dbt's documentation as one file: .election/dbt/target/static_index.html
	@$(BIN)/election docs

lock: ## resolve requirements.txt anew
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --quiet --upgrade -o requirements.txt

down: ## stop the engines
	@test ! -x $(BIN)/election || $(BIN)/election down

clean: down ## stop the engines and remove .election, with all that was counted in it
	@rm -rf .election
