# make demo   create .venv, install, run the demo study, print its table and what it means; all in results/demo/report.html
# make test   the whole test suite        make test-quick   the tests of a few seconds
# make lint   ruff, snakefmt, snakemake --lint
# Needs Python 3.11 or newer and make. JOBS trainings run at once: one on a GPU, without one one a core.

PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3 python,$(shell command -v $(p) 2>/dev/null)))
BIN := .venv/bin
JOBS ?= $(shell $(BIN)/python -m partway machine --jobs)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint envs/constraints.txt

.PHONY: demo test test-quick lint format clean

demo: .venv/installed
	$(BIN)/snakemake --cores $(JOBS) --resources gpu=$(JOBS)
	@echo && cat results/demo/tables/recipe.md
	@echo && cat results/demo/verdict.md && echo
	@echo "Accuracy against observation ratio: results/demo/figures/accuracy_against_ratio.png (and .svg)"
	@echo "All of it on one page, for a browser: results/demo/report.html"

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-quick: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

clean:  # results and Snakemake's records stay: they may have cost days
	rm -rf .venv build

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python found; install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11; call make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml envs/constraints.txt | .venv/bin/python
	@echo "Installing partway and what it needs into .venv: about 3 minutes, 6 GB."
	$(PIP) --editable .
	@touch $@

.venv/installed-dev: pyproject.toml envs/constraints.txt | .venv/installed
	$(PIP) --editable '.[dev]'
	@touch $@
