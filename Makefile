# Every target can be run at any time and needs nothing set up but Python 3.11-3.13, Java 17+ and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ELECTION ?= adams-2020
RATE ?= 200
FAULTS ?= 300
INSTALLED := $(VENV)/.installed

.PHONY: help setup demo dev live test test-more test-nightly faults lint audit bench soak docs pictures lock dist down clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED) ## install what is locked: .venv and the jars of Kafka and Spark

$(INSTALLED): requirements.txt pyproject.toml engines/install.sh engines/jars/*/jgo.lock.toml
	@$(PYTHON) engines/prerequisites.py
	@PYTHON=$(PYTHON) engines/install.sh $(VENV)
	@touch $@

demo: $(INSTALLED) ## count a real election and compare with its official figures [ELECTION=adams-2020 SIZE=laptop|cluster]
	@$(BIN)/election demo $(ELECTION) $(if $(SIZE),--size $(SIZE))

dev: $(INSTALLED) ## Dagster and the Streamlit page over the same engines, until Ctrl-C
	@$(BIN)/election dev

live: $(INSTALLED) ## an election night: voters cast, Dagster counts, until Ctrl-C [ELECTION=adams-2020 RATE=200]
	@$(BIN)/election live $(ELECTION) --rate $(RATE)

test: $(INSTALLED) ## the test suite, on real engines of its own (under 15 minutes) [TESTS=tests/unit]
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 10 \
		-m "not slow and not nightly" $(TESTS)

test-more: $(INSTALLED) ## the slow rest of the tests [TESTS=tests/integration/test_pages.py]
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 20 \
		-m "slow and not nightly" $(TESTS)

test-nightly: $(INSTALLED) ## what takes longer still: clusters, hosts of their own as Docker Compose has them, backups
	@$(BIN)/python -m pytest -m nightly --ignore tests/faults $(TESTS)

faults: $(INSTALLED) ## let 300 random faults happen to a count, then recount it [FAULTS=30 SEED=7]
	@$(BIN)/python -m pytest tests/faults -s -m nightly --faults $(FAULTS) $(if $(SEED),--seed $(SEED))

lint: $(INSTALLED) ## style, types and the direction of imports, style of SQL
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/sqlfluff lint --disable-progress-bar dbt_project/{macros,models,tests}

audit: $(INSTALLED) ## known weaknesses of the locked packages, where their database can be reached
	@if $(BIN)/python -c 'import requests; requests.head("https://api.osv.dev", timeout=10)' 2>/dev/null; \
	then $(BIN)/pip-audit --vulnerability-service osv --disable-pip --require-hashes --requirement requirements.txt; \
	else echo "api.osv.dev cannot be reached: the packages were not looked up."; fi

bench: $(INSTALLED) ## what the count takes, beside calibrators in the same minutes [SIZE=smoke|usual|full WORK="drain live"]
	@$(BIN)/python -m benchmarks $(or $(SIZE),smoke) $(WORK)

soak: $(INSTALLED) ## a night of 21 minutes at 500 ballots/s with three failures: memory, lag, a plain recount
	@$(BIN)/python -m benchmarks.soak

docs: $(INSTALLED) ## dbt's documentation as one file: .election/dbt/target/static_index.html
	@$(BIN)/election docs

pictures: $(INSTALLED) ## take the README's pictures of an election night; needs Chromium
	@$(BIN)/python -m docs.take_pictures

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" --quiet --upgrade

lock: ## resolve requirements.txt anew, and what the others of make bench need
	@$(LOCK) pyproject.toml --all-extras -o requirements.txt
	@for peer in benchmarks/peers/*.in; do $(LOCK) $$peer -o $${peer%.in}.txt || exit; done

dist: ## the sdist and the wheel, in dist/, built by what is locked
	@uv build --quiet --require-hashes --build-constraints requirements.txt --out-dir dist

down: ## stop the engines
	@test ! -x $(BIN)/election || $(BIN)/election down

clean: down ## stop the engines and remove .election, with all that was counted in it
	@rm -rf .election
