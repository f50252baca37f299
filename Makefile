# The project's one vocabulary, for people and for checks. `make` alone prints this help.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PROTOS := $(wildcard protos/adplatform/v1/*.proto)
SOURCES := adserver feedback admanager writer simulator reporting console marketplace stack bench clients docs tests

export DURATION RATE COMMANDS USERS SEED SLOT CHAOS_MINUTES SOAK SEEDS FIRST DEFECT CASES

.DEFAULT_GOAL := help
.PHONY: help run serve console up down mesh certs chaos report reconcile test test-embedded unit simulation fuzz test-clients test-console screenshots bench lint format protos protos-check protos-lint protos-breaking protos-release api-docs api-docs-check lock tools clean

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

console: serve ## make serve: one of its lines says where the web pages are

up: $(VENV)/runtime.stamp ## Start a real Kafka, MariaDB and Hive here; print their URLs
	@$(BIN)/python -m stack.local up

down: $(VENV)/runtime.stamp ## Stop them
	@$(BIN)/python -m stack.local down

mesh: $(VENV)/runtime.stamp ## make run, on them
	@$(BIN)/python -m stack.mesh

certs: $(VENV)/runtime.stamp ## Make a development authority and a certificate for each service in var/certs
	@$(BIN)/python -m stack.certs

chaos: $(VENV)/runtime.stamp ## Kill, stop and restart everything on the mesh under load for CHAOS_MINUTES, then check the books
	@$(BIN)/python -m stack.chaos

report: $(VENV)/runtime.stamp ## Print the bill and the reports of what is in var/
	@$(BIN)/archive ads && $(BIN)/report

reconcile: $(VENV)/runtime.stamp ## Compare archive and ledger of what is in var/
	@$(BIN)/reconcile

test: $(VENV)/dev.stamp ## Run every test
	$(BIN)/pytest

test-embedded: $(VENV)/dev.stamp ## Run the tests that need no servers and no other languages
	$(BIN)/pytest -m "not mesh and not clients"

unit: $(VENV)/dev.stamp ## Run the pure tests, in seconds
	$(BIN)/pytest tests/unit

simulation: $(VENV)/dev.stamp ## Run the money path under SEEDS=20000 seeded schedules and faults
	@$(BIN)/python tests/simulation/run_simulation.py

fuzz: $(VENV)/dev.stamp ## Send CASES=100000 hostile requests and commands
	$(BIN)/pytest tests/fuzz

bench: $(VENV)/runtime.stamp ## Measure it, in 13 minutes; alone: bench-auction -serve -feedback -archive -reports -freshness -reference -soak
	@$(BIN)/python -m bench

bench-%: $(VENV)/runtime.stamp
	@$(BIN)/python -m bench $*

test-console: $(VENV)/dev.stamp ## Test the web pages in a browser (Debian's chromium), on running processes
	@command -v chromium >/dev/null || { echo "make: chromium is missing: apt-get install chromium"; exit 1; }
	$(BIN)/pytest tests/unit/console tests/console

screenshots: $(VENV)/dev.stamp ## Make pictures of every web page in var/screenshots
	SCREENSHOTS=var/screenshots $(BIN)/pytest -q tests/console/test_screenshots.py

test-clients: $(VENV)/dev.stamp ## Build the clients of every language and run them against live servers
	CI=true $(BIN)/pytest -m clients tests/clients

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

protos-lint: $(VENV)/tools.stamp ## Check the style of protos/
	$(BIN)/buf lint

protos-breaking: $(VENV)/tools.stamp ## Check that protos/ break no client of the last release
	$(BIN)/buf breaking --against protos/released.binpb

protos-release: $(VENV)/tools.stamp ## Make protos/ what later contracts must not break
	$(BIN)/buf build --exclude-source-info -o protos/released.binpb

api-docs: $(VENV)/dev.stamp ## Make docs/api.md from the comments in protos/
	$(BIN)/python docs/api_reference.py > docs/api.md

api-docs-check: $(VENV)/dev.stamp ## Check that docs/api.md is what protos/ make
	@$(BIN)/python docs/api_reference.py | diff docs/api.md - || { echo "docs/api.md is stale: run make api-docs"; exit 1; }

lock: $(VENV)/dev.stamp ## Pin the newest dependencies that fit pyproject.toml
	$(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/pip install --quiet uv
	for extra in build:requirements.lock dev:requirements-dev.lock; do $(VENV)/uv/bin/uv pip compile --quiet --upgrade \
	  --generate-hashes --universal --python-version 3.11 --no-annotate --no-header \
	  --extra $${extra%%:*} pyproject.toml -o $${extra##*:}; done

tools: $(VENV)/tools.stamp ## Install buf, grpcurl and ghz, if Go and Node are there

$(VENV)/tools.stamp: clients/tools/go.sum clients/tools/package-lock.json | $(VENV)/runtime.stamp
	@command -v go >/dev/null || { echo "make tools: Go is missing: install Go 1.26 or later"; exit 1; }
	@command -v npm >/dev/null || { echo "make tools: npm is missing: install Node.js 20 or later"; exit 1; }
	GOBIN=$(abspath $(BIN)) go -C clients/tools install tool
	npm --prefix clients/tools ci --no-audit --no-fund --silent
	ln -sf $(abspath clients/tools/node_modules/.bin/buf) $(BIN)/buf
	touch $@

clean: ## Remove the environment, caches and everything that runs have left
	rm -rf $(VENV) var build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf clients/*/gen clients/*/build clients/*/dist clients/*/target clients/*/node_modules clients/*/.venv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
