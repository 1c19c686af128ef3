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

.PHONY: help install install-dev repro plots report tables lint format test bench trust audit ui track remote publish fetch check-remote mend-remote weights figures compare-figures clean constraints

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

plots: install             ## write dvc_plots/index.html, which needs no internet: REVS="HEAD no_map"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-plots.txt
	@$(RUN) -m experiments.plots $(REVS)

report: install            ## the table again, and report.html; BASELINE=REV to compare
	@$(RUN) -m stages.report $(if $(BASELINE),--baseline $(BASELINE))

tables: install            ## write the tables again from what has been measured; TABLES="table1 study"
	@$(RUN) -m experiments.results $(TABLES)

lint: install-dev          ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src stages experiments benchmarks trust

format: install-dev        ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: install-dev          ## all tests, the pipeline at smoke scale included
	$(BIN)/python -m pytest -q -n 2 --ignore tests/pipeline
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests/pipeline --durations 8

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

remote: install            ## push to and pull from a remote of your own: CM3D_REMOTE=ssh://host/folder
	@$(DVC) remote modify --local storage url "$(or $(CM3D_REMOTE),$(error CM3D_REMOTE: name one, as CM3D_REMOTE=/net/cm3d))"

publish: install           ## push outputs, run cache and all experiments of this commit, to GIT=origin
	@$(if $(CM3D_REMOTE),$(DVC) remote modify --local storage url "$(CM3D_REMOTE)")
	$(DVC) push --run-cache
	$(DVC) exp push $(or $(GIT),origin) $(EXP)
	@git diff --quiet HEAD -- dvc.lock .dvc/config params.yaml metrics || echo "note: commit and push \
	dvc.lock, params.yaml, metrics and .dvc/config too: clones find outputs by them"

fetch: install             ## fetch an experiment with its outputs: EXP=no_map, from GIT=origin
	@$(if $(CM3D_REMOTE),$(DVC) remote modify --local storage url "$(CM3D_REMOTE)")
	$(DVC) exp pull $(or $(GIT),origin) $(or $(EXP),$(error EXP: name one, as EXP=no_map))

check-remote: install      ## read outputs in the remote and name what is broken: OF=data/pseudo_labels
	@$(RUN) -m experiments.remote $(OF)

mend-remote: install       ## delete there what is broken, so that `dvc push` sends it again: OF=...
	@$(RUN) -m experiments.remote --mend $(OF)

weights: install           ## fetch a shelf model and pin its commit: MODEL=grounding_dino
	$(RUN) -m experiments.weights $(or $(MODEL),$(error MODEL: name one, as MODEL=grounding_dino))

compare-figures: install   ## redraw the pictures of docs/compare.md: REVS="HEAD no_push"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-plots.txt
	PYTHONPATH=src:. $(BIN)/python docs/make_compare_figures.py $(REVS)

figures: install           ## redraw the pictures of docs/
	$(RUN) docs/make_simulation_figures.py
	$(RUN) docs/make_report_figures.py

clean:                     ## remove data, caches and unfinished work, keep .venv, metrics and mlflow.db
	rm -rf data/* .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dvc_plots
	git checkout -q -- data 2>/dev/null || true

constraints: install-dev   ## write constraints.txt from the present environment
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip list --format=freeze \
	  | grep -viE '^(torch|nvidia.*|triton|cuda.*|spconv.*|cumm.*|pip|setuptools|wheel)=='; } > constraints.new
	@mv constraints.new constraints.txt
