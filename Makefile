# Every command of the project. `make help` lists them.
SHELL := /bin/bash
PYTHON := .venv/bin/python
CODE := libs services deploy tests docs
.DEFAULT_GOAL := help
.PHONY: help setup run reset check test bench faults docs fmt

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## Install what is needed, where it has changed
	@deploy/local/setup.sh

run: setup ## Start everything and do the main job on the sample (ONCE=1: exit after it)
	@exec $(PYTHON) -m deploy.local run $(if $(ONCE),--once)

reset: setup ## Delete the data that `make run` keeps (YES=1: do not ask)
	@exec $(PYTHON) -m deploy.local reset $(if $(YES),--yes)

check: setup ## Lint, types, import contracts, and all tests that need no server
	@$(PYTHON) -m ruff check $(CODE)
	@$(PYTHON) -m ruff format --check $(CODE)
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --config pyproject.toml
	@$(PYTHON) docs/generate.py --check
	@$(PYTHON) -m web.languages check
	@$(PYTHON) -m pytest -q -m "not io" -n 2 --dist loadfile

# Most tests wait for servers: two at a time, each with servers of its own. A browser needs the processor to itself.
test: ## Everything: check, then all tests on real Kafka and MongoDB, journeys in a browser
	@deploy/local/setup.sh browser
	@$(MAKE) --no-print-directory check
	@$(PYTHON) -m pytest -m "io and not alone" -n 2 --dist loadfile --durations=20
	@$(PYTHON) -m pytest -m "io and alone" --durations=20

bench: setup ## Measure, print a table, write build/bench.json (ONLY=intake|relay|worker|review|latency|audit|startup, or million, audit-million)
	@exec $(PYTHON) -m tests.bench $(ONLY)

faults: setup ## Kill processes under load, as often as asked (KILLS=1000 for a night), stop one (STOP_S=120), tamper 10,000 times
	@KILLS=$(or $(KILLS),50) STOP_S=$(or $(STOP_S),15) TAMPERINGS=$(or $(TAMPERINGS),10000) \
	  $(PYTHON) -m pytest tests/faults tests/audit/test_tampering.py

docs: setup ## Generate the event catalogue and the JSON Schemas
	@$(PYTHON) docs/generate.py

fmt: setup ## Format the code and mend what can be mended
	@$(PYTHON) -m ruff check --fix $(CODE)
	@$(PYTHON) -m ruff format $(CODE)
