# The project's one vocabulary, for people and for checks. `make` alone prints this help.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PROTOS := $(wildcard protos/adplatform/v1/*.proto)
SOURCES := adserver feedback admanager writer simulator reporting marketplace stack tests

export DURATION RATE COMMANDS USERS SEED SLOT CHAOS_MINUTES

.DEFAULT_GOAL := help
.PHONY: help run serve up down mesh chaos report reconcile test test-embedded unit lint format protos protos-check lock tools clean

help: ## Print what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables of make run: DURATION=60s RATE=500 COMMANDS=FILE USERS=FILE SEED=1 SLOT=600"

# PYTHON need not be called python3.11: any 3.11 or later will do.
$(VENV)/runtime.stamp: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: install Python 3.11 or later, or say make PYTHON=python3"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/runtime.stamp
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

run: $(VENV)/runtime.stamp ## Run the whole platform here for DURATION, then print the bill
	@$(BIN)/python -m stack.run

serve: $(VENV)/runtime.stamp ## Run the processes here, on the state in var/, until Ctrl-C
	@$(BIN)/python -m stack.serve

up: $(VENV)/runtime.stamp ## Start a real Kafka, MariaDB and Hive here; print their URLs
	@$(BIN)/python -m stack.local up

down: $(VENV)/runtime.stamp ## Stop them
	@$(BIN)/python -m stack.local down

mesh: $(VENV)/runtime.stamp ## make run, on them
	@$(BIN)/python -m stack.mesh

chaos: $(VENV)/runtime.stamp ## Kill, stop and restart everything on the mesh under load for CHAOS_MINUTES, then check the books
	@$(BIN)/python -m stack.chaos

report: $(VENV)/runtime.stamp ## Print the bill and the reports of what is in var/
	@$(BIN)/archive ads && $(BIN)/report

reconcile: $(VENV)/runtime.stamp ## Compare archive and ledger of what is in var/
	@$(BIN)/reconcile

test: $(VENV)/dev.stamp ## Run every test
	$(BIN)/pytest

test-embedded: $(VENV)/dev.stamp ## Run the tests that need no servers
	$(BIN)/pytest -m "not mesh"

unit: $(VENV)/dev.stamp ## Run the pure tests, in seconds
	$(BIN)/pytest tests/unit

lint: $(VENV)/dev.stamp protos-check ## Check style and types; never edits
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## Put the code into its one form
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

PROTOC = $(BIN)/python -m grpc_tools.protoc -Iprotos -I$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

protos: $(VENV)/dev.stamp ## Make generated/ from protos/
	PATH=$(BIN):$$PATH $(PROTOC) --python_out=generated --grpc_python_out=generated \
	  --mypy_out=quiet:generated --mypy_grpc_out=quiet:generated $(PROTOS)

protos-check: $(VENV)/dev.stamp ## Check that generated/ is what protos/ make
	@fresh=$$(mktemp -d) && PATH=$(BIN):$$PATH $(PROTOC) --python_out=$$fresh --grpc_python_out=$$fresh \
	  --mypy_out=quiet:$$fresh --mypy_grpc_out=quiet:$$fresh $(PROTOS) \
	  && diff -r -x __pycache__ $$fresh generated; status=$$?; rm -rf $$fresh; \
	  test $$status -eq 0 || echo "generated/ is stale: run make protos"; exit $$status

lock: $(VENV)/dev.stamp ## Pin the newest dependencies that fit pyproject.toml
	$(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/pip install --quiet uv
	for extra in build:requirements.lock dev:requirements-dev.lock; do $(VENV)/uv/bin/uv pip compile --quiet --upgrade \
	  --generate-hashes --universal --python-version 3.11 --no-annotate --no-header \
	  --extra $${extra%%:*} pyproject.toml -o $${extra##*:}; done

tools: ## Install grpcurl, if Go is there
	@command -v go >/dev/null || { echo "make tools: Go is missing: install it from your package manager"; exit 1; }
	GOBIN=$(abspath $(BIN)) go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3

clean: ## Remove the environment, caches and everything that runs have left
	rm -rf $(VENV) var build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
