# One word per job; `make` alone prints them. Each target sets up what it needs in .venv, from locked requirements with
# hashes, the first time and whenever these change. Needed beforehand: Python 3.11 or newer with venv, and make.

PYTHON ?= python3
# How many tests run at the same time (they wait a good deal: three keep two cores busy); WORKERS=0 runs them in one
# process, where a debugger works.
WORKERS ?= 3
# Where `make test` writes which rows of docs/requirements.toml the tests have proved.
REPORT ?= docs/requirements.md
# Which histories `make simulate` plays.
SEEDS ?= 0-999
# How long `make restarts` goes on.
MINUTES ?= 2
# `make lock UPGRADE=--upgrade` moves every pin to the newest version allowed; plain `make lock` moves what it must.
UPGRADE ?=

# A run of the tests starts hundreds of processes, and not one of them should compile what another one has.
export PYTHONDONTWRITEBYTECODE =

VENV := .venv
BIN := $(VENV)/bin
CODE := service infra tests benchmarks scripts
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 \
           --generate-hashes --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo run restarts test infra-test check simulate mutations bench format lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/ready-embedded ## convert a file, kill the process in the middle, watch another finish the job
	@$(BIN)/python -m service demo

run: $(VENV)/ready-embedded ## start the service on an embedded S3, DynamoDB and Redis; prints what to type next
	@$(BIN)/python -m service serve

restarts: $(VENV)/ready-embedded ## treat the containers of `docker compose up` as a platform does: MINUTES=2
	@$(BIN)/python scripts/restart_at_random.py --minutes $(MINUTES)

test: check ## run every check and every test, and write down which requirements they prove
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --requirements-report=$(REPORT)

check: $(VENV)/ready-dev ## look without running: format, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(CODE)
	$(BIN)/lint-imports --no-logo

infra-test: $(VENV)/ready-dev ## run the infrastructure program on the real Pulumi engine, with emulators for AWS
	$(BIN)/python -m pytest tests/infra

simulate: $(VENV)/ready-dev ## play the service under faults that seeds choose: SEEDS=0-9999, or one seed with its timeline
	@$(BIN)/python -m tests.simulation $(SEEDS)

mutations: $(VENV)/ready-dev ## break every guard of a promise in a copy of the tree, and show which test goes red
	@$(BIN)/python -m tests.mutations

bench: $(VENV)/ready-embedded ## measure memory and overhead against plain ffmpeg, as ratios
	@$(BIN)/python -m benchmarks

format: $(VENV)/ready-dev ## put the code into its usual shape
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(VENV)/ready-dev ## pin the dependencies of pyproject.toml in requirements/, with hashes
	$(COMPILE) -o requirements/runtime.txt
	$(COMPILE) --extra embedded -c requirements/runtime.txt -o requirements/embedded.txt
	$(BIN)/uv pip compile --group infra --quiet $(UPGRADE) --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  -c requirements/runtime.txt -o requirements/infra.txt
	$(COMPILE) --extra embedded --group dev --group lock --group infra \
	  -c requirements/embedded.txt -c requirements/infra.txt -o requirements/dev.txt

clean: ## remove .venv and what the tools left behind
	rm -rf $(VENV) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each of the requirement files is complete by itself: dev holds embedded, embedded holds runtime.
$(VENV)/ready-embedded: requirements/embedded.txt | $(BIN)/python
	@echo "Installing what the service needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/ready-dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing what the service and its tests need into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $(VENV)/ready-embedded $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Reprise needs Python 3.11 or newer, and '$(PYTHON)' is not; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  rm -rf $(VENV); echo "'$(PYTHON)' cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; \
	  exit 1; }
