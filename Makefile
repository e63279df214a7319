# One word per job; `make` alone prints them. Each target sets up what it needs in .venv, from locked requirements with
# hashes, the first time and whenever these change. Needed beforehand: Python 3.11 or newer with venv, and make.

PYTHON ?= python3
# How many tests run at the same time (they wait a good deal: three keep two cores busy); WORKERS=0 runs them in one
# process, where a debugger works.
WORKERS ?= 3
# Where each stage of the tests leaves what it has proved, and the document that `make requirements` makes of it.
PROOFS ?= build/proofs
REPORT ?= docs/requirements.md
# Which histories `make simulate` plays.
SEEDS ?= 0-999
# How long `make restarts` (2) and each scenario of `make chaos` (as its table says) go on.
MINUTES ?=
# What `make chaos` runs: scenarios by name (the short set), a seed (a new one), an image (built from this tree).
SCENARIO ?=
SEED ?=
CHAOS_IMAGE ?=
# `make lock UPGRADE=--upgrade` moves every pin to the newest version allowed; plain `make lock` moves what it must.
UPGRADE ?=

# Byte code is cached: a run of the tests starts hundreds of processes, and none should compile again what another has.
export PYTHONDONTWRITEBYTECODE =

VENV := .venv
BIN := $(VENV)/bin
CODE := service reprise tests benchmarks scripts chaos infra
# The marks of the tests that are too costly for `make test`; each has a target of its own, and is a stage of .ci/run.
COSTLY := long or mutation or containers or apprunner or infra_engine
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --durations=10 --durations-min=1
KILLS ?= 20
PAIRS ?= 20
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 \
           --generate-hashes --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo run restarts check unit integration test test-long mutations test-containers test-apprunner infra-test \
        chaos requirements events simulate scale bench odd-files chaos-picture page-picture chaos-teeth format lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/ready-dev ## install everything into .venv, so that the next commands start at once

demo: $(VENV)/ready-embedded ## convert a file, kill the process in the middle, see another finish the job
	@$(BIN)/python -m service demo

run: $(VENV)/ready-embedded ## start the service on an embedded S3, DynamoDB and Redis
	@$(BIN)/python -m service serve

restarts: $(VENV)/ready-embedded ## restart, kill, freeze and scale the containers of `docker compose up`: MINUTES=2
	@$(BIN)/python scripts/restart_at_random.py --minutes $(or $(MINUTES),2)

check: $(VENV)/ready-dev ## format, lint, types, and which room may import which (under a minute)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(CODE)
	$(BIN)/lint-imports --no-logo

unit: $(VENV)/ready-dev ## the tests that need no process and no network (a minute or two)
	$(PYTEST) tests/unit

integration: $(VENV)/ready-dev ## the tests on real ffmpeg, Redis, S3 and DynamoDB stand-ins (some minutes)
	$(PYTEST) tests/integration -m "not ($(COSTLY))"

test: check ## check, and every test but the sets below (under ten minutes)
	$(PYTEST) -m "not ($(COSTLY))" --proofs=$(PROOFS)/test.json

test-long: $(VENV)/ready-dev ## what takes minutes by itself: hundreds of jobs through kills
	$(PYTEST) -m long --proofs=$(PROOFS)/long.json

mutations: $(VENV)/ready-dev ## break each guard of a promise in a copy of the tree, and see its test fail
	$(PYTEST) -m mutation --proofs=$(PROOFS)/mutations.json

test-containers: $(VENV)/ready-dev ## the tests that need Docker: LocalStack, Valkey, the image, compose
	$(PYTEST) -m containers --proofs=$(PROOFS)/containers.json

test-apprunner: $(VENV)/ready-dev ## the tests that run the image as App Runner would; they need Docker (four minutes)
	$(PYTEST) -m apprunner --proofs=$(PROOFS)/apprunner.json

chaos: $(VENV)/ready-dev ## kill containers in the middle of conversions, and check each promise: SCENARIO=kills SEED=7 MINUTES=9
	@$(BIN)/python -m chaos $(SCENARIO:%=--scenario %) $(SEED:%=--seed %) $(MINUTES:%=--minutes %) $(CHAOS_IMAGE:%=--image %)

infra-test: $(VENV)/ready-dev ## the infrastructure program on the real Pulumi engine, with emulators for AWS
	$(PYTEST) -m infra_engine --proofs=$(PROOFS)/infra.json

requirements: $(VENV)/ready-dev ## write docs/requirements.md from what the sets above have proved
	@$(BIN)/python -m scripts.requirements_report --report $(REPORT) $(wildcard $(PROOFS)/*.json)

events: $(VENV)/ready-dev ## write docs/events.md, the table of all that is logged, from the code
	@$(BIN)/python -m scripts.event_table

simulate: $(VENV)/ready-dev ## play the service under faults that a seed chooses: SEEDS=0-9999, or one
	@$(BIN)/python -m tests.simulation $(SEEDS)

scale: $(VENV)/ready-dev ## play 10, 100 and 1,000 workers in virtual time, and write docs/scale.md (under five minutes)
	@$(BIN)/python -m benchmarks.scale

bench: $(VENV)/ready-embedded ## measure memory and overhead against plain ffmpeg, as ratios
	@$(BIN)/python -m benchmarks --kills $(KILLS) --pairs $(PAIRS)

odd-files: $(VENV)/ready-dev ## try the test files of mutagen and tinytag, which pip downloads, against plain ffmpeg
	@$(BIN)/python -m scripts.odd_files

page-picture: $(VENV)/ready-dev ## take the picture of the built-in page anew that the README shows; it needs chromium
	@$(BIN)/python -m tests.support.page_picture

chaos-teeth: $(VENV)/ready-dev ## break each guard in an image, and see the chaos suite notice (twenty minutes)
	@$(BIN)/python -m tests.teeth

chaos-picture: $(VENV)/ready-dev ## take the picture of a chaos report anew that the README shows; it needs chromium
	@$(BIN)/python -m tests.support.chaos_picture

format: $(VENV)/ready-dev ## format the code, and fix what ruff can fix
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(VENV)/ready-dev ## pin the dependencies of pyproject.toml in requirements/, with hashes
	$(COMPILE) --extra service --extra tracing -o requirements/runtime.txt
	$(COMPILE) --extra service --extra tracing --extra embedded -c requirements/runtime.txt -o requirements/embedded.txt
	$(BIN)/uv pip compile --group infra --quiet $(UPGRADE) --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  -c requirements/runtime.txt -o requirements/infra.txt
	$(COMPILE) --extra service --extra tracing --extra embedded --group dev --group lock --group infra \
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
