# `make demo` and `make test` set up everything they need on a fresh machine: a virtual
# environment in .venv with what inference needs, and for tests with what training needs, too.
# PYTHON chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format docs figures dist clean

demo: $(VENV)/installed
	$(BIN)/python demo_image.py

test: $(VENV)/installed-dev lint
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The documents as a site in site/, with every warning an error, broken links among them.
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Runs the commands that print the figures of the documents and says what differs; DATA and
# PEERS name the folders of data sets and of other projects' networks, ONLY chooses commands.
figures: $(VENV)/installed-dev
	$(BIN)/python benchmarks/figures.py $(if $(DATA),--data '$(DATA)') \
		$(if $(PEERS),--peers '$(PEERS)') $(if $(ONLY),--only '$(ONLY)')

# The files of a release in dist/, and the wheel tried in an environment of its own.
dist: $(VENV)/installed-dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m pytest tests/install

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "headpose needs Python 3.11 to 3.13; name one with PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements.txt $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(VENV)/installed-docs: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) output site dist
