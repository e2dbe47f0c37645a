# Keel: `make demo` shows the whole chain, `make test` proves it. Everything they need is installed into $(VENV).
PYTHON ?= python3
VENV ?= .venv
LEROBOT ?= .venv-lerobot
RUN_DIR ?= runs/demo
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Empty means unset. Containers often set it, and then every process of a test or a demo compiles all of Keel again.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-slow test-ros test-lerobot lint format bench clean

help:  ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

install: $(STAMP)  ## Create $(VENV) and install Keel with everything that demo and test need

$(STAMP): setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all]"
	@touch $(STAMP)

demo: $(STAMP)  ## Simulate, train, export, verify, calibrate, evaluate, run over ROS 2 with live faults, report
	$(BIN)/keel demo --output $(RUN_DIR)

lint: $(STAMP)  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint  ## Lint, then every test that is not marked slow: first those that share the cores, then the live ones alone
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not live" -n logical --dist loadfile
	$(BIN)/python -m pytest -m "live and not slow"

test-fast: $(STAMP)  ## Tests that need no DDS, processes or clock
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not live" -n logical --dist loadfile

test-slow: $(STAMP)  ## Training and measuring checks that take minutes
	$(BIN)/python -m pytest -m slow

test-ros: ## The ROS 2 conformance suite on a sourced ROS 2 (fails when there is none)
	KEEL_REQUIRE_ROS=1 $(PYTHON) -m pytest -p no:launch_testing -p no:launch_ros -m ros tests/conformance

test-lerobot: $(LEROBOT)/.installed  ## Conversions and datasets against the real lerobot, in an environment of its own (2.3 GB)
	HF_HUB_OFFLINE=1 PYTHONPATH=. $(LEROBOT)/bin/python -m pytest -m lerobot tests/lerobot

$(LEROBOT)/.installed: tests/lerobot/environment.sh constraints.txt
	PYTHON=$(PYTHON) bash tests/lerobot/environment.sh $(LEROBOT)

format: $(STAMP)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## Inference, safety layers and wire against named peers (failure_prediction.py needs a bundle)
	@set -e; for name in inference safety wire; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py; done

clean:  ## Remove what demo and test wrote, and the environment
	rm -rf $(VENV) runs build dist install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
