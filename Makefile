# Everything starts from a checkout with Python (3.11 to 3.13), git and make.
.DEFAULT_GOAL := help
.PHONY: help demo test chaos benchmark check format lint types constraints docs clean
.DELETE_ON_ERROR:

# The first Python that really runs and that TensorFlow has wheels for; `make PYTHON=... demo` overrides it.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$python; break; }; done)
PIP_FLAGS := --quiet --disable-pip-version-check --require-hashes --requirement .cache/uv.txt
# Where there is only a Python that TensorFlow has no wheels for yet, it fetches uv, and uv a Python.
MAKE_ENVIRONMENT := $(if $(PYTHON),$(PYTHON) -m venv .venv,python3 -m venv .cache/uv \
	&& .cache/uv/bin/python -m pip install $(PIP_FLAGS) && .cache/uv/bin/uv venv --quiet --seed --python 3.13 .venv)
BIN := .venv/bin
READY := .venv/ready
ARGS ?=

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): constraints.txt pyproject.toml events/native/transactions.c
	@mkdir -p .cache
	@awk '/^uv==/ { ours = 1 } ours { print } ours && !/\\$$/ { exit }' constraints.txt > .cache/uv.txt
	@test -x $(BIN)/python || { $(MAKE_ENVIRONMENT); } || { rm -rf .venv .cache/uv; echo "Making .venv failed. fraudstream needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian and Ubuntu: apt install python3-venv); make PYTHON=/path/to/python3.13 names one." >&2; exit 2; }
	@echo "Installing the pinned packages into .venv ..."
	@$(BIN)/python -m pip install $(PIP_FLAGS) \
		&& $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirements constraints.txt \
		&& $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . \
		|| { echo "Installing the packages of constraints.txt into .venv failed, see above; check the network and the disk, then run make again." >&2; exit 2; }
	@touch $(READY)

demo: $(READY) ## Run the whole stream once: replay, Kafka, Keras, alerts (arguments: make demo ARGS="--rows 50000")
	@$(BIN)/fraudstream demo $(ARGS)

# Prometheus and promtool for the tests of deploy/: those on the PATH, or else Debian's package, fetched
# and checked by apt and unpacked here: no root, nothing installed, no service started. Where that
# does not work, those tests are skipped and say what is missing.
PROMETHEUS := $(if $(and $(shell command -v prometheus),$(shell command -v promtool)),,.cache/prometheus/usr/bin/prometheus)

$(PROMETHEUS):
	@mkdir -p .cache/prometheus
	@! command -v apt-get > .cache/prometheus/log || { echo "Fetching Prometheus for the tests into .cache/prometheus ..." \
		&& cd .cache/prometheus && { $(FETCH_PROMETHEUS); } > log 2>&1 || echo "Not fetched; .cache/prometheus/log says why." >&2; }
# By the machine's lists of packages; where there are none, as in a fresh container, by lists of our own.
APT := apt-get --quiet=2 -o Dir::State::lists=$$PWD/lists -o Dir::Cache=$$PWD/archives
FETCH_PROMETHEUS := apt-get --quiet=2 download prometheus \
	|| { mkdir -p lists/partial archives/partial && $(APT) update && $(APT) download prometheus && rm -r lists archives; } \
	&& dpkg -x prometheus_*.deb . && rm prometheus_*.deb

# One worker more than there are cores, each with its own broker; ARGS="-n0" runs all tests in this process.
test: $(READY) $(PROMETHEUS) ## Run all tests (arguments: make test ARGS="-k codec")
	@$(BIN)/python -m pytest -n auto --no-loadscope-reorder --durations 10 --durations-min 5 $(ARGS)

chaos: $(READY) ## Kill detectors, Kafka and connections, and count (arguments: make chaos ARGS="--faults 500")
	@$(BIN)/python -m tests.chaos $(ARGS)

benchmark: $(READY) ## Compare with the alternatives (short form: make benchmark QUICK=1)
	@$(BIN)/python -m benchmarks.speed $(if $(QUICK),--quick) $(ARGS)

check: format lint types test ## Format, lint, type-check and test

format: $(READY) ## Format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix-only .

lint: $(READY) ## Find what ruff and hadolint object to
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/hadolint deploy/Dockerfile

types: $(READY) ## Check the types
	@$(BIN)/mypy

docs: $(READY) ## Write anew what docs/ says of options, metrics and messages
	@$(BIN)/python -m tools.docs

constraints: $(READY) ## Compile the pinned versions and their hashes anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make constraints" \
		--extra model --extra pictures --extra broker --group dev pyproject.toml --output-file constraints.txt
	@{ echo '# CUDA for the image consumer-gpu, beside constraints.txt; compiled by `make constraints`.'; \
		$(BIN)/uv pip compile --quiet --python-version 3.13 --python-platform linux --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --constraint constraints.txt --extra gpu \
		pyproject.toml | awk '/^[^ #]/ { cuda = /^nvidia-/ } cuda'; } > deploy/gpu.txt

clean: ## Remove the environment and caches of this checkout
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
