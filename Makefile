# Two commands matter: `make run` and `make test`. Each sets up what it needs.

# The Python to use; by default the first of python3.11, python3.12, python3.13 and python3 that fits.
PYTHON ?=
HOST ?= 127.0.0.1
PORT ?= 8000
SIZE ?= 5000000

# Without compiled modules each of the many processes of a test run compiles the package again: a third of a second.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
NODE := .locks/tools.sh node
NPM_CI := $(NODE) && $(BIN)/python .locks/install.py npm
READY := $(VENV)/.ready
DASHBOARD := src/dashboard
NODE_MODULES := $(DASHBOARD)/node_modules/.ready
TYPES := $(DASHBOARD)/src/graphql/schema.generated.d.ts
BUILT := src/execution_monitor/web/static/.built
BROWSER := tests/dashboard/browser/chromium/.ready
AUDITS := tests/graphql/audits/node_modules/.ready
EXPORTER := tests/ingest/otlp/javascript/node_modules/.ready
RECEIVER := tests/webhooks/javascript/node_modules/.ready
SOURCES := $(shell find $(DASHBOARD) -path '*/node_modules' -prune -o -type f ! -name '*.test.ts' -print)
PEERS := tests/benchmarks/peers/node_modules/.ready
# Neither the types of Python and of the dashboard nor the packages of Node.js and the builds wait for each other.
AT_ONCE := $(MAKE) --no-print-directory --jobs=2
# The resolver of the locks; only `make lock` needs it.
UV := uv==0.13.9
COMPILE := $(VENV)/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.PHONY: help run setup dashboard browser audits exporter test test-dashboard screenshots engines chaos fuzz model bench bench-quick bench-live bench-filters bench-statistics bench-subscribers bench-bulk bench-page bench-scale bench-compression bench-logs bench-audit bench-ingest bench-webhooks check check-python check-dashboard format schema docs lock wheel clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: setup dashboard ## Serve the demo at http://127.0.0.1:8000 (HOST=, PORT=)
	@$(BIN)/execution-monitor demo --host $(HOST) --port $(PORT)

setup: $(READY) ## Make the virtual environment; the first run fetches MongoDB

dashboard: $(BUILT) ## Build the dashboard and GraphiQL, when their sources have changed

test: setup ## Run all tests against a real MongoDB
	@$(AT_ONCE) dashboard browser audits exporter test-dashboard
	@# Two more than the two cores of CI: many tests wait for an election or a process, and four keep both cores busy for
	@# 95 % of the time. A worker that is done takes over tests of another: some take half a minute.
	@# What fails is tried once more with the machine to itself, as Python's own tests are by `regrtest --rerun`: four
	@# workers with their databases, servers and browsers can starve one of their tests for longer than it waits. One
	@# that fails both times fails the run; one that passes now is named above, and is looked into.
	@$(BIN)/pytest -n 4 --dist worksteal || { [ $$? -eq 1 ] && echo "Trying what failed once more, by itself." && \
	  $(BIN)/pytest -n 0 --exitfirst --last-failed --last-failed-no-failures none; }

browser: $(BROWSER) ## Unpack the browser for the tests of the dashboard

audits: $(AUDITS) ## Install the public audits of GraphQL over HTTP for the tests

exporter: $(EXPORTER) $(RECEIVER) ## Install the exporter of OpenTelemetry and the library of webhooks for JavaScript for the tests

test-dashboard: $(TYPES) ## Run the tests of the dashboard's models
	@$(NODE) && cd $(DASHBOARD) && npm run --silent test

screenshots: setup dashboard browser ## Take pictures of every page, light and dark, into build/screenshots, and those of README.md
	@$(BIN)/pytest -q -n 0 tests/dashboard/screenshots.py

engines: setup dashboard ## Try the wheel on every supported Python, and real Airflow, dbt and Dagster that report to the server
	@echo "This takes 15 minutes or less. Packages come from pip's index: 1 GB, kept in your cache folder; what cannot be installed is skipped."
	@TEST_ENGINES=full $(BIN)/pytest -n 0 -rs --durations 12 --durations-min 5 tests/engines

chaos: setup ## Try every fault of live updates and webhooks at full size and write the tables into src/docs
	@# Some tests take many minutes at full size: what hangs in other runs may go on here.
	@TEST_CHAOS=full $(BIN)/pytest tests/faults --log-cli-level=INFO -o faulthandler_timeout=7200; $(BIN)/python -m tests.faults.results

fuzz: setup ## Send 5,000 generated requests of each kind, and try three times as many examples as the other tests
	@TEST_FUZZ=full $(BIN)/pytest -n 2 tests/graphql/test_fuzz.py tests/rest/test_openapi.py
	@TEST_FUZZ=full $(BIN)/pytest -n 2 -m hypothesis --ignore tests/graphql/test_fuzz.py

model: setup ## Compare 100,000 facts of responses and events with a reference of who may see what
	@TEST_MODEL=full $(BIN)/pytest -n 0 tests/authorization_model

bench: setup $(PEERS) ## Compare the server with what one would write or choose instead
	@$(BIN)/python -m tests.benchmarks

bench-quick: setup $(PEERS) ## The same with 100,000 executions and fewer rounds, in 4 minutes
	@$(BIN)/python -m tests.benchmarks --sizes 10000 100000 --rounds 2 --seconds 0.7 --times 200 --changes 300 --audiences 1000 --subscribers 100 5000 --bulks 20000 2000

bench-live: setup ## Compare the latency of live updates with that of a bare change stream
	@$(BIN)/python -m tests.benchmarks.live_latency

bench-subscribers: setup ## Compare live updates to many subscribers with sending ready bytes
	@$(BIN)/python -m tests.benchmarks.live

bench-bulk: setup ## Compare receiving the last of 100,000 changes with only reading them, and memory before and after
	@$(BIN)/python -m tests.benchmarks.bulk

bench-page: setup dashboard browser ## Measure what a user of the dashboard waits for (MINUTES=10, EXECUTIONS=1000000)
	@$(BIN)/python -m tests.benchmarks.page
	@$(BIN)/python -m tests.benchmarks.page_live $(if $(MINUTES),--minutes $(MINUTES)) $(if $(EXECUTIONS),--executions $(EXECUTIONS))

bench-filters: setup ## Measure what 1,000 subscribers with different filters cost a change
	@$(BIN)/python -m tests.benchmarks.filters

bench-statistics: setup ## Compare statistics with one aggregation that is written by hand, and time rollups of 1,000,000
	@$(BIN)/python -m tests.benchmarks.statistics
	@$(BIN)/python -m tests.benchmarks.statistics_rollups

bench-logs: setup ## Measure what log lines without followers cost
	@$(BIN)/python -m tests.benchmarks.unfollowed_logs

bench-scale: setup ## Time the questions of people on call (SIZE=5000000 executions)
	@$(BIN)/python -m tests.benchmarks.questions --size $(SIZE)

bench-webhooks: setup ## Compare webhooks with a bare reader that posts, and 1,000 of them with one
	@$(BIN)/python -m tests.benchmarks.webhooks

bench-compression: setup ## Measure what gzip costs and saves on a list of 100
	@$(BIN)/python -m tests.benchmarks.compression

bench-audit: setup ## Measure what the audit trail adds to the CPU of a request
	@$(BIN)/python -m tests.benchmarks.audit_share

bench-ingest: setup ## Compare the writer of reports with plain updates, and OTLP over HTTP with inserts
	@$(BIN)/python -m tests.benchmarks.ingest
	@$(BIN)/python -m tests.benchmarks.ingest_otlp
	@$(BIN)/python -m tests.benchmarks.ingest_beside_lists

check: setup ## Lint, check formats and types, compare schema.graphql
	@$(AT_ONCE) check-python check-dashboard

check-python: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/pyright
	@$(BIN)/execution-monitor export-schema | diff -u schema.graphql - \
	  || { echo "schema.graphql is not what the code says; run make schema." >&2; exit 1; }

check-dashboard: $(TYPES)
	@$(NODE) && cd $(DASHBOARD) && npm run --silent check

format: setup $(NODE_MODULES) ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .
	@$(NODE) && cd $(DASHBOARD) && npm run --silent format

schema: setup ## Write schema.graphql from the code
	@$(BIN)/execution-monitor export-schema > schema.graphql

docs: setup ## Write the tables of src/docs from the code and the last results
	@$(BIN)/python -m tests.docs.configuration
	@$(BIN)/python -m tests.faults.results

lock: setup ## Resolve the locks in .locks again from pyproject.toml
	@$(BIN)/python -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet $(UV)
	@$(COMPILE) --group dev --upgrade --output-file .locks/development.txt
	@# The server runs on the versions that were tested, without what only tests need.
	@$(COMPILE) --extra tracing --constraint .locks/development.txt --output-file .locks/runtime.txt
	@# Of the engines in `make engines`: newer releases of what they need often break them, so only what their .in file says moves.
	@for client in airflow dbt dagster; do $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	  --no-annotate --no-header --output-file tests/engines/clients/$$client.txt tests/engines/clients/$$client.in; done

wheel: setup dashboard ## Build the wheel into dist/
	@$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Remove what make made; the data of the demo stay
	@rm -rf $(VENV) dist $(DASHBOARD)/node_modules $(dir $(BUILT)) $(TYPES)

# An environment that was moved, or whose Python is gone, is made again.
$(shell test -x "$$(sed -n '1s/^#!//p' $(BIN)/execution-monitor 2> /dev/null)" || rm -f $(READY))
$(READY): .locks/development.txt .locks/install.py pyproject.toml
	@python=$$(PYTHON='$(PYTHON)' .locks/tools.sh node python) && "$$python" .locks/install.py python $(VENV)
	@touch $@

$(NODE_MODULES): $(DASHBOARD)/package.json $(DASHBOARD)/package-lock.json | $(READY)
	@$(NPM_CI) $(DASHBOARD)
	@touch $@

$(PEERS): tests/benchmarks/peers/package.json tests/benchmarks/peers/package-lock.json | $(READY)
	@$(NPM_CI) tests/benchmarks/peers
	@touch $@

$(TYPES): schema.graphql $(NODE_MODULES)
	@$(NODE) && cd $(DASHBOARD) && npm run --silent types > /dev/null
	@touch $@

$(BUILT): $(SOURCES) $(TYPES)
	@$(NODE) && cd $(DASHBOARD) && npm run --silent build -- --logLevel error
	@touch $@

$(BROWSER): tests/dashboard/browser/package-lock.json tests/dashboard/browser/unpack.js | $(READY)
	@$(NPM_CI) tests/dashboard/browser && node tests/dashboard/browser/unpack.js
	@touch $@

$(EXPORTER): tests/ingest/otlp/javascript/package.json tests/ingest/otlp/javascript/package-lock.json | $(READY)
	@$(NPM_CI) tests/ingest/otlp/javascript
	@touch $@

$(RECEIVER): tests/webhooks/javascript/package.json tests/webhooks/javascript/package-lock.json | $(READY)
	@$(NPM_CI) tests/webhooks/javascript
	@touch $@

$(AUDITS): tests/graphql/audits/package.json tests/graphql/audits/package-lock.json | $(READY)
	@$(NPM_CI) tests/graphql/audits
	@touch $@
