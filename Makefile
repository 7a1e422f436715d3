# Every target makes its own virtual environment, so that a fresh clone needs nothing but Python 3.11 or newer, git and make.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.11 python3 python3.14 python3.13 python3.12; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)
VENV   ?= .venv
BIN    := $(VENV)/bin
# Ctrl-C reaches the shell of a recipe as well. If the shell dies of it, make reports an error; if it goes on, make is silent.
QUIET_CTRL_C := trap : INT;

.DEFAULT_GOAL := help
.PHONY: help run sandbox cluster mesh test charts e2e e2e-simulated stories mesh-stories told-on-mesh chaos bench bench-mesh pictures verify lint format coverage mutants docs clean

help: ## print every target with a line of text
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/ready ## watch a canary being promoted and another being rolled back (a minute)
	@$(QUIET_CTRL_C) $(BIN)/python -m hack.demo || test $$? -eq 130

sandbox: $(VENV)/ready ## leave a cluster with the controller running, and print what to type
	@$(QUIET_CTRL_C) $(BIN)/python -m hack.demo --stay || test $$? -eq 130

cluster: $(VENV)/ready ## leave a real control plane running, and print what to type (builds it once: ten minutes)
	@$(QUIET_CTRL_C) $(BIN)/python -m testbed.cluster || test $$? -eq 130

mesh: $(VENV)/ready ## leave real Istio running with a process and an Envoy per pod, and print what to type (Linux)
	@$(QUIET_CTRL_C) $(BIN)/python -m testbed.mesh || test $$? -eq 130

test: $(VENV)/ready ## run the tests
	$(BIN)/python -m pytest

charts: $(VENV)/ready ## check the charts with a real Helm (built once: a minute), and the image without an engine
	$(BIN)/python -m pytest tests/charts tests/image -n 2 --dist loadfile --timeout 600

e2e: $(VENV)/ready ## play the stories on the sandbox, on a real control plane, and on real Istio (built once: 16 minutes)
	$(MAKE) e2e-simulated
	$(BIN)/python -m testbed.mesh --optional -- $(MAKE) told-on-mesh

e2e-simulated: $(VENV)/ready # the part whose mesh is simulated
	$(BIN)/python -m pytest tests/e2e --ignore=tests/e2e/alone -n 8 --timeout 300
	$(MAKE) charts
	$(BIN)/python -m testbed.cluster -- $(MAKE) stories

mesh-stories: $(VENV)/ready ## play promotions and rollbacks on real Istio, and count failed requests (built once: 16 minutes)
	$(BIN)/python -m testbed.mesh -- $(MAKE) told-on-mesh

told-on-mesh: # on the mesh that MESH names, which testbed.mesh sets; a worker for each, so that none waits behind the walk-through
	$(BIN)/python -m pytest tests/conformance/test_routes.py -n 0
	$(BIN)/python -m pytest tests/mesh --ignore=tests/mesh/alone --ignore=tests/mesh/full -n 5 --timeout 400

stories: # on the control plane that CLUSTER names, which testbed.cluster sets
	$(BIN)/python -m pytest tests/conformance tests/e2e --ignore=tests/e2e/alone -n 6 --timeout 300
	$(BIN)/python -m pytest tests/e2e/alone -n 0 --timeout 900

chaos: $(VENV)/ready ## play rollouts while things go wrong (MINUTES=60 SEED=7, or ONLY="promotion kill after 7")
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

bench: $(VENV)/ready ## measure a rollout beside 1,000 broken canaries, 1,000 rollouts beside a slow Prometheus, and 10,000 canaries at rest (20 minutes)
	@$(BIN)/python -m hack.bench neighbours
	@$(BIN)/python -m hack.bench load
	@$(BIN)/python -m hack.bench size

bench-mesh: $(VENV)/ready ## measure on real Istio what users feel of a slow istiod, a frozen one, none, and killed controllers (12 minutes)
	$(BIN)/python -m testbed.mesh --istiod PILOT_DEBOUNCE_AFTER=2s -- $(BIN)/python -m pytest tests/mesh/test_zero_downtime.py -n 2 --timeout 400 -o junit_family=xunit1 --junitxml build/mesh-slow.xml
	$(BIN)/python -m testbed.mesh -- $(BIN)/python -m pytest tests/mesh/full -n 3 --timeout 400 -o junit_family=xunit1 --junitxml build/mesh-full.xml
	$(BIN)/python -m testbed.mesh -- $(BIN)/python -m pytest tests/mesh/alone -n 0 --timeout 400 -o junit_family=xunit1 --junitxml build/mesh-alone.xml

pictures: $(VENV)/ready ## draw the dashboards for docs/ from a story on a real control plane (6 minutes)
	$(BIN)/python -m hack.dashboards write
	$(BIN)/python -m testbed.cluster -- $(BIN)/python -m hack.dashboards pictures

verify: lint coverage ## everything that CI checks

lint: $(VENV)/ready ## check style, types and architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/ready ## bring the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(VENV)/ready ## run the tests with branch coverage: 100 % of the pure modules, 95 % overall
	$(BIN)/python -m pytest --cov --cov-report=
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include="$$($(BIN)/python -m hack.pure)"

mutants: $(VENV)/ready ## change the pure modules at random and see that a test notices (long)
	$(BIN)/mutmut run
	$(BIN)/mutmut results

docs: $(VENV)/docs ## build the documentation as a site in build/docs (warnings are errors)
	@$(BIN)/python -m hack.docs
	$(BIN)/sphinx-build -c docs -b html -W -n --keep-going --quiet . build/docs
	@echo "Open build/docs/index.html"

clean: ## remove what the other targets made
	rm -rf $(VENV) build *.egg-info mutants .coverage htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis .sandbox* .cluster* .mesh*

$(VENV)/ready: setup.cfg setup.py
	@echo "Making a virtual environment in $(VENV) (once, about a minute) ..."
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' || { echo "No Python 3.11 or newer found: install one, or name it with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' >$(VENV)/pip.log 2>&1 || { \
		echo "The packages could not be installed; the first time this needs a package index, afterwards no network. See $(VENV)/pip.log" >&2; exit 1; }
	@touch $@

# Apart from the rest, so that nobody needs it for the tests.
$(VENV)/docs: $(VENV)/ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@
