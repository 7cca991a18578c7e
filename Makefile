# The words CI uses, and nothing else. A fresh machine needs git, make and Python 3.11 or newer.
PYTHON ?= python3
PARTS ?= $(or $(COUNTERMARK_PARTS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/countermark/parts)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --numprocesses auto
OWN ?= $(CURDIR)
LEDGER := */countermark_ledger/*

# A word given as PATH is a folder of bench-scanners; programs are then found where the system keeps them.
ifeq ($(origin PATH),command line)
DATA := $(PATH)
PYTHON := $(or $(wildcard $(BIN)/python),$(PYTHON))
override PATH := /usr/local/bin:/usr/bin:/bin
endif

.PHONY: help setup demo test test-parts check lint types imports coverage bench bench-scanners clean

help: ## List these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv what uv.lock says (needs no pip; instant when nothing changed)
	@$(PYTHON) -I bootstrap.py

demo: setup ## Run the main job for real: one change accepted, four refused, each for its own reason
	@sh examples/demo.sh

test: setup ## Run the tests (no root, no services)
	$(PYTEST) -m "not parts" $(PYTEST_FLAGS)

test-parts: setup ## Fetch cosign, bubblewrap, PostgreSQL, a minimal Debian; test with them; say what did not run
	@sh parts/cosign.sh "$(PARTS)"
	@sh parts/bubblewrap.sh "$(PARTS)"
	COUNTERMARK_PARTS="$(PARTS)" $(BIN)/python -m pytest -m parts
	sh parts/postgresql.sh $(BIN)/python -m pytest -m parts tests/contracts tests/service/test_store.py
	@sh parts/fresh_root.sh "$(PARTS)/fresh-root" $(OWN)

check: lint types imports coverage ## Lint, types, imports, and the tests with coverage

lint: setup ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types
	$(BIN)/mypy
	$(BIN)/mypy bootstrap.py examples/agents examples/shop/shop

imports: setup ## Check that the import arrows only point down
	$(BIN)/lint-imports --no-cache

coverage: setup ## Run `make test` with branch coverage: all of the ledger, 90 % of the rest
	@rm -f .coverage .coverage.*
	$(MAKE) --no-print-directory test PYTEST_FLAGS="--cov --cov-branch --cov-report="
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --include='$(LEDGER)' --fail-under=100

bench: setup ## Measure every claim, with our peers beside us in the same run
	$(BIN)/python bench/run.py

bench-scanners: setup ## Measure the scanners on labelled code: DATASET=owasp-python DATA=/its/folder
	@$(BIN)/python bench/scanners "$(DATASET)" "$(DATA)" $(if $(CASES),--cases "$(CASES)") $(if $(ONLY),--only "$(ONLY)")

clean: ## Remove what these words made (not the parts outside the repository)
	rm -rf .venv .tools .demo dist .coverage .coverage.* htmlcov coverage.xml
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
