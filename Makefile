# The one entrance: `make` lists the targets. The environment is made on demand, in .venv.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# What follows a target: make bench ARGS="--documents 500"
ARGS ?=
VENV ?= .venv
# Which interpreter makes the environment; the first that runs and is of a supported version.
PYTHON ?=
IMAGE ?= docrelay
# Where torch comes from, if not from pip's usual index: that of its CPU builds saves gigabytes.
TORCH_INDEX_URL ?=

BIN := $(VENV)/bin
RUN := $(BIN)/python
PIP := $(RUN) -m pip --disable-pip-version-check
SERVICE := $(VENV)/.service-installed
ALL := $(VENV)/.all-installed
ALL_GROUPS := --group service --group test --group lint --group docs
# pyproject.toml is the one place that says which torch.
TORCH := $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)

# A shim of a version manager can be on the path and still not run, so each candidate is tried.
define find_python
	for candidate in $(PYTHON) $(if $(PYTHON),,python3 python3.13 python3.12 python3.11 python3.14); do \
		if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; \
		then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "no Python 3.11 to 3.14 $(if $(PYTHON),at PYTHON=$(PYTHON),on the path); say which: make PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi
endef

# torch goes first and alone: from an index of CPU builds it is a tenth of the size, and once it is there
# pip has no reason to look for another.
define install
	$(PIP) install --quiet $(if $(TORCH_INDEX_URL),--index-url "$(TORCH_INDEX_URL)") "$(TORCH)" --constraint constraints.txt
	$(PIP) install --quiet --editable . $(1) --constraint constraints.txt
endef

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(SERVICE) ## start everything, send documents through it, break it on purpose and show what happened
	$(RUN) -m app demo $(ARGS)

.PHONY: up
up: $(SERVICE) ## run the whole service here, nothing to install: Postgres, workers, Beat, Flower
	$(RUN) -m app up $(ARGS)

.PHONY: test
test: $(ALL) ## run the tests (ARGS="-k lease" for some of them)
	$(RUN) -m pytest $(ARGS)

.PHONY: check
check: lint types layers test ## everything that CI runs

.PHONY: lint
lint: $(ALL) ## style, likely mistakes and formatting, by ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(ALL) ## types, by mypy in strict mode
	$(BIN)/mypy

.PHONY: layers
layers: $(ALL) ## imports point one way, by import-linter
	$(BIN)/lint-imports

.PHONY: format
format: $(ALL) ## let ruff fix and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: migrate
migrate: $(SERVICE) ## bring the database and the broker named by DOCRELAY_… up to date
	$(RUN) -m app migrate $(ARGS)

.PHONY: bench
bench: $(ALL) ## measure (ARGS="--help" says what)
	$(RUN) -m benchmarks $(ARGS)

.PHONY: chaos
chaos: $(ALL) ## break a whole service on purpose (ARGS="--documents N --faults N --seed S --corpus FOLDER")
	$(RUN) -m chaos $(ARGS)

.PHONY: services
services: $(ALL) ## RabbitMQ and Postgres for development, until Ctrl-C
	$(RUN) -m app.development $(ARGS)

.PHONY: image
image: ## build the Docker image (ARGS for docker build)
	docker build --tag $(IMAGE) $(if $(TORCH_INDEX_URL),--build-arg TORCH_INDEX_URL=$(TORCH_INDEX_URL)) $(ARGS) .

.PHONY: lock
lock: ## write constraints.txt anew from the newest versions that pyproject.toml allows
	@$(find_python); \
	scratch="$$(mktemp --directory)"; trap 'rm -rf "$$scratch"' EXIT; \
	"$$found" -m venv "$$scratch/venv"; \
	pip="$$scratch/venv/bin/python -m pip --disable-pip-version-check"; \
	$$pip install --quiet --upgrade 'pip>=25.1'; \
	$$pip install --quiet $(if $(TORCH_INDEX_URL),--index-url "$(TORCH_INDEX_URL)") "$(TORCH)"; \
	$$pip install --quiet --editable . $(ALL_GROUPS); \
	{ echo '# What `make lock` found to work together; `make` installs these. pyproject.toml says what is allowed.'; \
	  $$pip freeze --exclude-editable --exclude docrelay | sed 's/^\(torch==[^+]*\)+.*/\1/'; } > "$$scratch/constraints.txt"; \
	mv "$$scratch/constraints.txt" constraints.txt; wc -l constraints.txt

.PHONY: clean
clean: ## remove the environment, caches and build results (never .docrelay: that is data)
	rm -rf $(VENV) dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.docrelay/*' -prune -exec rm -rf {} +

$(RUN):
	@$(find_python); echo "making $(VENV) with $$("$$found" -V)"; "$$found" -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'  # the first that knows --group

$(SERVICE): pyproject.toml constraints.txt | $(RUN)
	@echo "installing the service (the first time takes minutes)"
	$(call install,--group service)
	@touch $@

$(ALL): pyproject.toml constraints.txt | $(RUN)
	@echo "installing the service and its tools (the first time takes minutes)"
	$(call install,$(ALL_GROUPS))
	@touch $@ $(SERVICE)
