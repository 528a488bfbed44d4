# One command each; `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
LOCKED := --constraint constraints.txt --editable '.[test,dev]'

# What stays in one process: see tests/conftest.py.
GATE := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# Kept, what is compiled: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install lock sweep test coverage test-models test-harm test-cluster soak layer-names lint types imports check clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# By uv, in a third of pip's time; by pip where uv does not find the packages, since it does not read pip's settings.
install: $(INSTALLED) ## set up .venv from the locked versions

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo 'Tunehound needs Python 3.11 to 3.13; name one with `make PYTHON=python3.12 …`'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv || true
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(LOCKED) || $(BIN)/pip install --quiet $(LOCKED)
	@touch $@

lock: install ## choose the newest versions that fit together, and write them to constraints.txt
	echo '# The locked versions, without addresses: `make install` and CI install from these. Made anew by `make lock`.' > constraints.txt
	$(BIN)/uv pip compile pyproject.toml --extra test --extra dev --extra gcs --universal --python-version 3.11 \
		--upgrade --no-emit-index-url --no-header --no-annotate --quiet >> constraints.txt

sweep: install ## the first sweep: handwritten digits, on this machine, a few minutes
	$(BIN)/tunehound run digits

test: install ## every promise once, on the smallest case
	$(GATE)

coverage: install ## the same, and what of the code it reaches; a quarter slower
	$(GATE) --cov --cov-report=term:skip-covered

test-models: install ## the same for every backbone, export format and way to retrain; about four minutes
	$(BIN)/pytest tests/models

test-harm: install ## harm to real sweeps: kills at many moments, full disks, damaged files; the better part of an hour
	$(BIN)/pytest tests/harm

test-cluster: install ## several hosts made from namespaces of this one; needs root and sshd, says what is lacking
	$(BIN)/pytest tests/lab

soak: install ## hundreds of short trials under random kills, for a quarter of an hour
	$(BIN)/python -m tests.harm.soak

layer-names: install ## write the names of the backbones' layers, as Keras gives them; after a backbone was added
	$(BIN)/python -m tests.trainables.models.layer_names

lint: install ## ruff, formatting included
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, strict
	$(BIN)/mypy

imports: install ## the direction of the imports
	$(BIN)/lint-imports

check: install ## all that must pass before a change lands, two at a time
	@$(MAKE) --no-print-directory --jobs 2 test lint types imports

clean: ## remove the environment and the caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
