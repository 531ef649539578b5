# Everything runs from a fresh clone with Python 3.11 or later; `make` lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: .venv demo test test-fast test-lab soak check bench crds lab-binaries lab-up lab-down engine kind-up image clean help

BIN := .venv/bin
# Touched last, so that an interrupted installation is done again.
READY := .venv/.ready
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Where PATH has no Go 1.26 or later, the extra "lab" brings one, to build the lab's binaries with.
EXTRAS = dev $(shell minor=$$(GOTOOLCHAIN=local go version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p'); \
	[ "$${minor:-0}" -ge 26 ] || echo lab)
comma := ,
space := $(subst ,, )

DOCKER ?= docker
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' operator/tradewind/__init__.py)
IMAGE ?= tradewind:$(VERSION)
TAG = $(lastword $(subst :, ,$(IMAGE)))
KIND_CLUSTER ?= tradewind
MEMBERS ?=
LAB_WORKERS ?= 1
# A machine that stands still for seconds looks like an outage to any clock: what fails is run once more, and shown.
AGAIN ?= --reruns 1 -rR
SEED ?=
SEEDS ?= 10000
FIRST ?= 0
KIND ?=
WORKERS ?=
MUTATIONS ?=
# The tables that the placement benchmark reads; docs/benchmarks.md says what is in them.
DATA ?=
# A file that keeps the runs of the fail-over benchmark: an hour and a half, in as many goes as you like.
FAILOVER ?=

.venv: $(READY) ## make the Python environment in .venv, with uv or with pip

$(READY): pyproject.toml uv.lock
	@if command -v uv >/dev/null && env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=.venv \
		uv sync --frozen $(patsubst %,--extra %,$(EXTRAS)); then :; \
	elif [ -z "$(PYTHON)" ]; then \
		echo "Tradewind needs Python 3.11 or later: none is on PATH (or name one: make PYTHON=...)" >&2; exit 1; \
	else \
		{ $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv; } && \
		$(PYTHON) .ci/constraints.py uv.lock > .venv/constraints.txt && \
		$(BIN)/python -m pip install --quiet --constraint .venv/constraints.txt --editable '.[$(subst $(space),$(comma),$(strip $(EXTRAS)))]'; \
	fi
	@touch $@

demo: $(READY) ## place work on three clusters, kill one, watch the work move (KEEP=1 leaves the lab up)
	$(BIN)/tradewind demo $(if $(KEEP),--keep)

test: test-fast test-lab ## run all tests

test-fast: $(READY) ## run the tests that need no API server
	$(BIN)/pytest -n auto --dist worksteal -m "not lab" $(AGAIN)

test-lab: lab-binaries ## run the tests that use real API servers
	$(BIN)/pytest -n $(LAB_WORKERS) --dist loadgroup -m lab $(AGAIN)

soak: $(READY) ## play SEEDS histories of all three simulators (KIND=operator: of one), or shrink and show one (SEED=n); docs/simulator.md
	PYTHONPATH=. $(BIN)/python -m tests.sim.soak $(if $(KIND),--kind $(KIND)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(SEED),--seed $(SEED),\
		$(if $(MUTATIONS),--mutations $(MUTATIONS),--first $(FIRST) --seeds $(SEEDS)))

check: $(READY) ## check format, lint, types, import contracts and generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/tradewind crds --check

bench: $(READY) ## measure placements per second, decisions on real tables (DATA=folder), fail-over (FAILOVER=file)
	$(BIN)/tradewind bench e2e
	@if [ -n "$(DATA)" ]; then $(BIN)/tradewind bench placement --data "$(DATA)"; else \
		echo "Decisions are measured on tables of real prices and links: make bench DATA=folder (docs/benchmarks.md)"; fi
	@if [ -n "$(FAILOVER)" ]; then $(BIN)/tradewind bench failover --results "$(FAILOVER)"; else \
		echo "Fail-over takes an hour and a half: make bench FAILOVER=runs.json (goes on where it stopped)"; fi

crds: $(READY) ## write the CRDs, for kubectl and for the chart, from the models
	$(BIN)/tradewind crds

lab-binaries: $(READY) ## get or build the lab's control planes, and the tools of its tests
	$(BIN)/tradewind lab binaries
	$(BIN)/tradewind lab binaries helm kind actionlint prometheus promtool

lab-up: $(READY) ## start a hub and three member clusters on this machine (MEMBERS=a,b names others)
	$(BIN)/tradewind lab up $(if $(MEMBERS),--members $(MEMBERS))

lab-down: $(READY) ## end the lab and remove its files
	$(BIN)/tradewind lab down

engine:
	@$(DOCKER) info >/dev/null 2>&1 || \
		{ echo "No Docker engine answers (tried: $(DOCKER) info). Start one, or use make lab-up, which needs none." >&2; exit 1; }

image: engine ## build the container image
	$(DOCKER) build --tag $(IMAGE) .

kind-up: image ## install the image and the chart on a kind cluster (needs Docker, kind, helm)
	@for tool in kind helm; do command -v $$tool >/dev/null || { echo "$$tool is not on PATH" >&2; exit 1; }; done
	kind get clusters | grep -qx $(KIND_CLUSTER) || \
		kind create cluster --name $(KIND_CLUSTER) --config kind-config.yaml --wait 120s
	kind load docker-image $(IMAGE) --name $(KIND_CLUSTER)
	helm upgrade --install tradewind helm/tradewind --kube-context kind-$(KIND_CLUSTER) \
		--namespace tradewind-system --create-namespace --wait --timeout 5m \
		--set image.repository=$(patsubst %:$(TAG),%,$(IMAGE)) --set image.tag=$(TAG)

clean: ## remove the environment, caches and build results
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find operator tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## list the targets
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
