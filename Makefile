# `make repro` and `make test` do all set-up by themselves.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# sparse convolutions for what the machine has
REQUIREMENTS := requirements-$(if $(shell which nvidia-smi 2>/dev/null),gpu,cpu).txt
RUN := PYTHONPATH=src $(BIN)/python
DVC := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc
export DVC_NO_ANALYTICS := true
export GIT_PYTHON_REFRESH := quiet

.PHONY: help install install-dev repro report lint format test bench trust audit ui track weights figures clean constraints

help:                      ## say what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/ — /'

install: $(VENV)/.installed         ## make .venv with the pinned requirements

install-dev: $(VENV)/.installed-dev ## the same with linters and tests

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt $(REQUIREMENTS) constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

repro: install             ## run every stage that is out of date, then print the table
	$(DVC) repro
	@$(RUN) -m stages.report

report: install            ## print the table again
	@$(RUN) -m stages.report

lint: install-dev          ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src stages experiments benchmarks trust

format: install-dev        ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: install-dev          ## all tests, the pipeline at smoke scale included
	$(BIN)/python -m pytest -q -n 2 --ignore tests/pipeline
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/pipeline --durations 8

bench: install-dev         ## speed and memory against named peers
	$(RUN) -m benchmarks.run

trust: install-dev         ## measure what is promised, over an hour; PARTS="kills --short" for some
	$(RUN) -m trust.run $(PARTS)

audit: install-dev         ## known vulnerabilities of the pinned packages; needs the network
	@$(RUN) -m trust.audit

ui: install                ## MLflow on the project's database
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db

track: install             ## record what is in the workspace in MLflow: NAME=no_map
	$(RUN) -m stages.track --name $(or $(NAME),$(error NAME: name the run, as NAME=no_map))

weights: install           ## fetch a shelf model and pin its commit: MODEL=grounding_dino
	$(RUN) -m experiments.weights $(or $(MODEL),$(error MODEL: name one, as MODEL=grounding_dino))

figures: install           ## redraw the pictures of docs/
	$(RUN) docs/make_simulation_figures.py

clean:                     ## remove data, caches and unfinished work, keep .venv, metrics and mlflow.db
	rm -rf data/* .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dvc_plots
	git checkout -q -- data 2>/dev/null || true

constraints: install-dev   ## write constraints.txt from the present environment
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip list --format=freeze \
	  | grep -viE '^(torch|nvidia.*|triton|cuda.*|spconv.*|cumm.*|pip|setuptools|wheel)=='; } > constraints.new
	@mv constraints.new constraints.txt
