# The few commands of the repository. `.venv` is made from the lock files by plain venv and pip, and made again when they change.

PYTHON ?=
VENV   := .venv
BIN    := $(VENV)/bin
RUN_ID := $(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
DEV_ID := $(shell cat requirements.lock requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)
BENCH_ID := $(shell cat requirements.lock requirements-bench.lock pyproject.toml | cksum | cut -d' ' -f1)
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input
PYTEST ?= $(BIN)/python -m pytest
# libchdb holds ClickHouse's own HTTP listener; PREBILL_CLICKHOUSE_DSN names a server to test against instead
LIBCHDB := @chdb/lib-linux-$(shell uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')-gnu@26.7.3-stable.1
CLICKHOUSE := $(if $(PREBILL_CLICKHOUSE_DSN),,.clickhouse/.$(lastword $(subst @, ,$(LIBCHDB))))
SHELL  := /bin/bash
.SHELLFLAGS := -euo pipefail -c

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs bench test-cluster lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.run-$(RUN_ID)  ## an hour of logs of a small CDN through the real pipeline, on this machine alone
	@$(BIN)/prebill demo

test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.dev-$(DEV_ID)  ## everything that must hold before a change lands: lint, types, rooms, tests
	@# while one core looks at types the other compiles kernels and tests, which each test process would wait for or do itself
	{ $(BIN)/python -m kernels; $(PYTEST) --collect-only >/dev/null || true; } & $(MAKE) --no-print-directory lint; wait
	$(PYTEST) -n auto --maxprocesses 5 --dist worksteal -m "not nightly and not cluster and not bench"

lint: $(VENV)/.dev-$(DEV_ID)  ## ruff, ruff format, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev-$(DEV_ID)  ## lets ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.run-$(RUN_ID)  ## writes docs/cli.md from the commands' own help
	$(BIN)/python -m pipeline.app.clidocs docs/cli.md

bench: $(VENV)/.bench-$(BENCH_ID)  ## the README's speed table, measured on this machine
	$(BIN)/python -m loadtest.bench $(ARGS)

test-cluster: $(VENV)/.dev-$(DEV_ID) $(CLICKHOUSE)  ## the tests that need a ClickHouse server (npm brings one), Java, Flink and Kafka
	@command -v java >/dev/null || echo "make test-cluster: no java found, what needs it is skipped (Debian: apt-get install openjdk-17-jre-headless)."
	$(PYTEST) -m cluster

lock:  ## pins the newest versions that pyproject.toml allows (needs uv)
	for what in "run:" "dev:--group dev" "bench:--group dev --group bench"; do \
	  name=requirements-$${what%%:*}.lock; test "$${what%%:*}" != run || name=requirements.lock; \
	  uv pip compile pyproject.toml $${what#*:} --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	    $$(test $$name = requirements.lock || echo -c requirements.lock) -o $$name >/dev/null; \
	done

clean:  ## removes .venv, caches and the demo's folder
	rm -rf $(VENV) .clickhouse .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info demo

.clickhouse/.%:
	@command -v npm >/dev/null || { echo "make test-cluster: no npm found to bring ClickHouse's library. Install it (Debian: apt-get install npm), or name a running server with PREBILL_CLICKHOUSE_DSN=clickhouse://user:password@host:8123."; exit 1; }
	@echo "adding $(LIBCHDB) (180 MB) …"; rm -rf .clickhouse; mkdir .clickhouse
	@npm install --prefix .clickhouse --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "$(LIBCHDB)" && touch $@

# Not the python of an activated .venv makes the next one, but that which made it: the old one is removed first.
# The stamps carry the lock files' checksum in their names. A .venv that is a link was laid by hand: it is used as it is and never made again.
$(VENV)/.run-$(RUN_ID):
	@if [ -L $(VENV) ]; then touch $@; exit 0; fi; \
	found=; for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  found=$$("$$python" -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys._base_executable)' 2>/dev/null) && break; found=; done; \
	if [ -z "$$found" ]; then \
	  echo "prebill needs Python 3.11 or newer: none of '$(PYTHON) python3 python3.13 python3.12 python3.11' is one."; \
	  echo "Install it (Debian 12 or newer: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 …"; \
	  exit 1; fi; \
	echo "making $(VENV) with $$("$$found" --version), from requirements.lock …"; \
	rm -rf $(VENV); \
	"$$found" -m venv $(VENV) || { echo "python -m venv failed: on Debian, apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@if [ ! -L $(VENV) ]; then $(PIP) install -q --no-deps -r requirements.lock && $(PIP) install -q --no-deps -e . && touch $@; fi

$(VENV)/.dev-$(DEV_ID): $(VENV)/.run-$(RUN_ID)
	@[ -L $(VENV) ] || { echo "adding what the tests need …"; $(PIP) install -q --no-deps -r requirements-dev.lock; }
	@rm -f $(VENV)/.dev-* && touch $@

$(VENV)/.bench-$(BENCH_ID): $(VENV)/.run-$(RUN_ID)
	@[ -L $(VENV) ] || { echo "adding the peers to measure against …"; $(PIP) install -q --no-deps -r requirements-bench.lock; }
	@rm -f $(VENV)/.bench-* $(VENV)/.dev-* && touch $@ $(VENV)/.dev-$(DEV_ID)
