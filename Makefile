# Two commands: `make demo` sets up and runs the main job, `make test` sets up and passes the tests.
# Everything lives in .venv; nothing outside the checkout is touched.

PYTHON ?= python3
VENV ?= .venv
# PyTorch comes first and apart. Its version here is the one the suite is proven with; any torch >= 2.11 works.
TORCH ?= torch==2.13.0
# Where pip looks for PyTorch; empty is pip's own default.
TORCH_INDEX ?=
WORKERS ?= 2

PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
STAMP = $(VENV)/.installed
DEV_STAMP = $(VENV)/.installed-dev
DOCS_STAMP = $(VENV)/.installed-docs

.PHONY: setup demo test test-all test-ci test-gpu coverage lint types docs clean

setup: $(STAMP)

$(VENV)/.torch:
	$(PYTHON) -c 'import sys; sys.exit("Diorama needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	touch $@

$(STAMP): $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable ".[fast]"
	touch $@

$(DEV_STAMP): $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev,docs,fast,log]"
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

demo: $(STAMP)
	$(VENV)/bin/diorama demo --out demo

# Threads per worker are held at one, so that two workers do not fight over two cores.
test: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -m "not slow and not gpu" -n $(WORKERS) --dist worksteal

test-all: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -m "not gpu" -n $(WORKERS) --dist worksteal

# What must hold before a change lands, in a quarter of an hour on two cores. Left out, and run by test-all:
# `simulation`, whether intervals cover the truth in hundreds of repeated measurements, which changes with their
# formulas alone; and `long`, what a test that stays proves in the small: the demo at its own size, other recipes killed
# and continued, a step of recipes that have a small twin and the help on them, further distillations by distributions,
# weights of further networks shared out, two pages' systems at their own width, the built-in world's reader at further
# sizes, an archive of gigabytes of zeros, names without text in other locales, all of CIFAR-10 and its near duplicates,
# hundreds of U-Nets against diffusers, ONNX files of further networks and of their other configs, recorded turns of
# further methods in half precision, every golden case once more without what tests alone need, and whether fd@lite2
# follows damage on all of CIFAR-10, which changes with the shipped weights alone.
# Bytecode is kept even where the environment says otherwise, since hundreds of tests import Diorama in new processes.
test-ci: $(DEV_STAMP)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -m "not gpu and not simulation and not long" -n $(WORKERS) --dist worksteal

# In one process, since the tests share one GPU. Without one they all skip; the reason is said before and after.
test-gpu: $(DEV_STAMP)
	@$(VENV)/bin/python -c 'import torch; there = torch.cuda.is_available(); \
		print("GPU:", torch.cuda.get_device_name() if there else "none at hand, so every test skips and nothing is shown")'
	$(VENV)/bin/python -m pytest -m gpu -rs

coverage: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -m "not slow and not gpu" -n $(WORKERS) --dist worksteal \
		--cov=diorama --cov-report=term

lint: $(DEV_STAMP)
	$(VENV)/bin/ruff check src tests benchmarks
	$(VENV)/bin/ruff format --check src tests benchmarks

types: $(DEV_STAMP)
	$(VENV)/bin/mypy

# Any complaint (a link that leads nowhere, a page that is in no menu) ends it.
docs: $(DOCS_STAMP)
	$(VENV)/bin/zensical build --strict
	@echo "site/index.html is the first page"

clean:
	rm -rf $(VENV) demo build dist site
