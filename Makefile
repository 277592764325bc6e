# What people and CI do with this repository. Needs `make` and a Python from 3.11 on; everything else comes from the
# hash-pinned lock file into .venv. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python on the path that is new enough; `make PYTHON=…` chooses another.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$name"; exit; fi; done; echo python3)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
LOCK := requirements.lock
# Options for the program behind the target, such as `make run ARGS="--grpc-address 127.0.0.1:50061"`.
ARGS ?=
PYTEST := $(BIN)/python -m pytest --timeout=120 --numprocesses=2 --dist=loadfile --no-loadscope-reorder

# --------------------------------------------------------------------------------------------------------- environment

$(STAMP): $(LOCK) pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pointguard needs Python 3.11 or later; choose one: make PYTHON=python3.12")'
	@test -x $(BIN)/python || { echo "making $(VENV) with $$("$(PYTHON)" --version)"; "$(PYTHON)" -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python has no venv module (on Debian: apt-get install python3-venv)" >&2; exit 1; }; }
	@echo "installing the locked packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

.PHONY: venv
venv: $(STAMP) ## make or refresh the virtual environment

LOCKED := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" --quiet

# The image's two take their versions from the first, so that what is shipped is what was tested.
.PHONY: lock
lock: ## resolve the dependencies again and write the lock files (LOCK_ARGS=--upgrade takes newer versions)
	@test -x $(BIN)/uv || $(MAKE) venv
	$(LOCKED) pyproject.toml --extra server --extra otel --extra aws --extra postgres --extra dev $(LOCK_ARGS) -o $(LOCK)
	$(LOCKED) pyproject.toml --extra server --extra otel --extra aws --extra postgres --constraint $(LOCK) --no-annotate -o docker/requirements.server.lock
	echo hatchling | $(LOCKED) - --constraint $(LOCK) --no-annotate -o docker/requirements.build.lock

# ----------------------------------------------------------------------------------------------------------------- run

# `exec` hands Ctrl-C and SIGTERM straight to the server, which drains and ends by itself.
.PHONY: run
run: $(STAMP) ## start the server with the sandbox tenant and replay real baskets against it
	@exec $(BIN)/python -m pointguard_server --sandbox --on-ready "$(BIN)/pointguard-client replay" $(ARGS)

.PHONY: load
load: $(STAMP) ## drive load at a running server (ARGS="--mode batch")
	@exec $(BIN)/pointguard-client load $(ARGS)

.PHONY: bench
bench: $(STAMP) ## measure everything side by side with its baseline, into bench/results
	@exec $(BIN)/python -m tests.bench $(ARGS)

bench-%: $(STAMP)
	@exec $(BIN)/python -m tests.bench $* $(ARGS)

.PHONY: sample-data
sample-data: $(STAMP) ## make the sandbox's sample data again from its source
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[sample]' --no-build-isolation
	$(BIN)/python -m pointguard_server.sandbox.extract_sample_data $(ARGS)

# ------------------------------------------------------------------------------------------------------- test and check

.PHONY: test
test: $(STAMP) ## run the tests but for the long ones, by two workers (at most 8 minutes; ARGS="-n 0" is none)
	@$(PYTEST) --session-timeout=450 -m "not long" $(ARGS)

.PHONY: test-long
test-long: $(STAMP) ## run the long tests
	@$(PYTEST) --session-timeout=900 -m long $(ARGS)

.PHONY: conformance
conformance: $(STAMP) ## try a server of our own by the conformance kit (ARGS="--target host:port" another one)
	@exec $(BIN)/python -m tests.support.conformance $(ARGS)

.PHONY: test-postgres
test-postgres: $(STAMP) ## run the integration tests with their ledgers in PostgreSQL (some minutes)
	@$(PYTEST) --session-timeout=900 -m "not long" --postgres tests/contract tests/integration $(ARGS)

.PHONY: differential
differential: $(STAMP) ## compare the back ends of the rule language on 100,000 cases (about ten minutes; ARGS="--seed 1")
	@exec $(BIN)/python -m tests.reference.long_differential $(ARGS)

.PHONY: crash
crash: $(STAMP) ## kill the server under load and hold what clients saw against the ledger (ARGS="--cycles 1000")
	@exec $(BIN)/python -m tests.torture.crashes $(ARGS)

.PHONY: torture
torture: $(STAMP) ## crashes, power cuts and faults of the disk for hours (ARGS="--minutes 15 --log docs/evidence/NAME.md")
	@exec $(BIN)/python -m tests.torture $(ARGS)

.PHONY: rehearse-image
rehearse-image: $(STAMP) ## do all that docker/ says in an empty root, without a container engine (as root; some minutes)
	@exec $(BIN)/python -m tests.image

.PHONY: check
check: lint fresh breaking ## what CI runs before the tests: lint, generated code, contract, repository
	@$(BIN)/python -m pytest --timeout=60 -q tests/repo

.PHONY: lint
lint: $(STAMP) ## ruff, mypy, import-linter, buf, and the checks of docker/
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint protos
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose*.yaml

.PHONY: format
format: $(STAMP) ## put Python and protobuf files into their standard form
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/buf format --write protos

.PHONY: generate
generate: $(STAMP) ## write generated/ from protos/ and the rule grammar
	@$(BIN)/python .ci/generate.py

.PHONY: fresh
fresh: generate
	@git diff --exit-code --stat -- generated || { echo "generated/ is stale: run make generate and commit" >&2; exit 1; }
	@new=$$(git ls-files --others --exclude-standard -- generated); test -z "$$new" \
		|| { echo "generated/ has files that are not committed:" >&2; echo "$$new" >&2; exit 1; }

# The released contract is the last version tag; before the first one there is nothing to break.
.PHONY: breaking
breaking: $(STAMP)
	@tag=$$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true); \
	if test -z "$$tag"; then echo "buf breaking: no release yet"; \
	else $(BIN)/buf breaking protos --against ".git#tag=$$tag,subdir=protos"; fi

# ------------------------------------------------------------------------------------------------------------- tidy up

.PHONY: clean
clean: ## remove what was built; the data directory stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench/results
	find server client generated tests -type d -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  bench-NAME     measure one figure"
