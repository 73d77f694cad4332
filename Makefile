# Everything starts from a checkout with Python (3.11 to 3.13), git and make.
.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types constraints clean
.DELETE_ON_ERROR:

# The first Python that really runs and that TensorFlow has wheels for; `make PYTHON=... demo` overrides it.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$python; break; }; done)
BIN := .venv/bin
READY := .venv/ready
ARGS ?=

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "fraudstream needs Python 3.11, 3.12 or 3.13 (TensorFlow has no wheels for others). Install one, or name it: make PYTHON=/path/to/python3.13" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "Making .venv failed. On Debian and Ubuntu, 'apt install python3-venv' gives Python its venv module." >&2; exit 2; }
	@echo "Installing the pinned packages into .venv ..."
	@awk '/^uv==/ { ours = 1 } ours { print } ours && !/\\$$/ { exit }' constraints.txt > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirements constraints.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## Run the whole stream once: replay, Kafka, Keras, alerts (arguments: make demo ARGS="--rows 50000")
	@$(BIN)/fraudstream demo $(ARGS)

test: $(READY) ## Run all tests (arguments: make test ARGS="-k codec")
	@$(BIN)/python -m pytest $(ARGS)

check: format lint types test ## Format, lint, type-check and test

format: $(READY) ## Format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix-only .

lint: $(READY) ## Find what ruff objects to
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

types: $(READY) ## Check the types
	@$(BIN)/mypy

constraints: $(READY) ## Compile the pinned versions and their hashes anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make constraints" \
		--extra model --extra broker --group dev pyproject.toml --output-file constraints.txt

clean: ## Remove the environment and caches of this checkout
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
