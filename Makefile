# Every target sets up what it needs first; the first time that takes minutes, then nothing.
# A fresh machine needs Python 3.11 or later (with venv), Node 20 or later (with npm), and make.

SHELL := /bin/sh
PYTHON_BIN := .venv/bin/python
# Options for what runs: make demo ARGS="--speed 40", make test ARGS="tests/firewall -x"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test bench check format lint types layers infra-check docs clean setup setup-python

help: ## Say what can be made
	@echo 'make <target> [ARGS="options"]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile

demo: setup ## Run the story on the local Azure
	@$(PYTHON_BIN) -m local.demo $(ARGS)

test: setup ## Run every test, on up to four cores; ARGS="-n 0" takes one
	@$(PYTHON_BIN) -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

bench: setup ## Measure how much computing the app needs on this machine
	@$(PYTHON_BIN) -m benchmarks $(ARGS)

check: setup ## Run what CI runs before the demo: format, lint, types, layers, tests
	@$(MAKE) --no-print-directory lint types layers test

format: setup-python ## Rewrite the code in the project's format
	@$(PYTHON_BIN) -m ruff check --select I --fix --quiet .
	@$(PYTHON_BIN) -m ruff format .

lint: setup-python ## Check format and lint rules
	@$(PYTHON_BIN) -m ruff format --check .
	@$(PYTHON_BIN) -m ruff check .

types: setup-python ## Check types
	@echo 'mypy: half a minute the first time'
	@$(PYTHON_BIN) -m mypy

layers: setup-python ## Check who imports whom
	@.venv/bin/lint-imports --no-logo

infra-check: setup-python ## Look for insecure settings in the templates (installs checkov)
	@scripts/check_infra.sh

docs: setup-python ## Rewrite the pages that are generated from the code
	@$(PYTHON_BIN) -m scripts.configuration

clean: ## Remove everything that was installed or generated
	rm -rf .venv .local .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@scripts/setup.sh

setup-python:
	@scripts/setup.sh python

# --- The article's network in Azure. Costs money; infra/lab/*.sh say what they ask for. ---
.PHONY: lab-up lab-test lab-down

lab-up: ## Build the article's network in Azure: costs money until lab-down
	@infra/lab/up.sh

lab-test: ## Run kubectl in spoke 2 of that network
	@infra/lab/test.sh

lab-down: ## Remove that network
	@infra/lab/down.sh
# --- End of the article's network in Azure. ---
