# Each target does its own set-up, and does it once.

# Where bytecode is not kept, each of the many processes that a target starts compiles all anew.
export PYTHONDONTWRITEBYTECODE =

PYTHON ?= $(shell command -v python3.11 || command -v python3)
DEV := .venv/dev
DEMO := .venv/demo
HEAVY := .venv/heavy
HEAVY_FILES = $(wildcard datalab_facade/integrations/*.py datalab_facade/integrations/*/*.py \
  tests/heavy/*.py tests/heavy/*/*.py benchmarks/airflow_waits.py benchmarks/dask_outputs.py \
  benchmarks/shared_limit.py)
DOCS := .venv/docs
WHEEL := .venv/wheel
AUDIT := .venv/audit
MUTANTS := .venv/mutants
RUNTIME := .venv/runtime
LICENCES := MIT;BSD;Apache;PSF;Python Software Foundation;MPL-2.0;Mozilla;ISC

# What is quick, and meets what differs between versions of Python: event loops, threads, forks,
# processes, pickles, files and texts of the standard library.
QUICK = $(addprefix tests/,pickling $(patsubst %,test_%.py,client decoding definitions errors framing \
  admission inputs models) sockets/test_forks.py runs/test_runs.py)

.PHONY: audit bench changelog check check-heavy clean coverage demo docs figures format fuzz lock \
  mutants regenerate release sbom test test-heavy test-pythons test-wheel

demo: $(DEMO)/.installed
	@$(DEMO)/bin/datalab-facade demo

# Twice as many processes as a small machine has cores, since some tests wait for other processes.
test: $(DEV)/.installed
	$(DEV)/bin/python -m pytest -n 4 --dist worksteal

# Which lines and branches of the package the tests reach, and a failure where they are fewer
# than was agreed. Left out: tests of a maintainer's tools, which reach none of them, and tests of
# how long things take, since following them takes long.
coverage: $(DEV)/.installed
	rm -f .coverage .coverage.*
	$(DEV)/bin/coverage run -m pytest -q -n 2 --dist worksteal --ignore tests/regeneration \
	  --ignore tests/testing/test_virtual_hours.py
	$(DEV)/bin/coverage combine --quiet 2>/dev/null
	$(DEV)/bin/coverage report

# What is quick, on every other Python that this machine has; see scripts/pythons.py.
test-pythons: $(DEV)/.installed
	@$(DEV)/bin/python scripts/pythons.py | while read -r version python; do \
	  $(MAKE) --no-print-directory PYTHON=$$python .venv/py$$version/.installed && \
	  echo "On Python $$version:" && \
	  .venv/py$$version/bin/python -m pytest -q -n 2 --dist worksteal $(QUICK) </dev/null || exit 1; \
	done

# Crashes, cancels and interrupts at every place rather than at some, and tries many more of what
# is made at random; some six minutes. ONLY="-k cancelled" runs a part of it.
fuzz: $(DEV)/.installed
	DATALAB_FUZZ=long $(DEV)/bin/python -m pytest -q -n 2 --dist worksteal -m fuzz --timeout 3600 $(ONLY)

# The integrations, against the real Airflow, Dask and Redis.
test-heavy: $(HEAVY)/.installed
	$(HEAVY)/bin/python -m pytest -m heavy tests/heavy

# Builds dist/, imports the wheel where there is only what it says it needs, and runs a good
# part of the tests against it, in a folder that has the tests but not the sources.
test-wheel: $(DEV)/.installed $(RUNTIME)/.installed $(WHEEL)/.installed
	$(DEV)/bin/python scripts/packing.py build dist
	$(DEV)/bin/python scripts/packing.py import dist $(RUNTIME)
	$(DEV)/bin/python scripts/packing.py test dist $(WHEEL)

# Builds dist/ twice and compares, checks it, tries the wheel on each Python of this machine, and
# lists what it depends on; refuses where the tree is no release. It uploads nothing.
release: $(DEV)/.installed $(AUDIT)/.installed
	$(DEV)/bin/python scripts/releasing.py
	$(DEV)/bin/python scripts/packing.py release dist
	$(AUDIT)/bin/twine check --strict dist/*.whl dist/*.tar.gz
	@$(DEV)/bin/python scripts/pythons.py --all | while read -r version python; do \
	  $(MAKE) --silent --no-print-directory PYTHON=$$python \
	    .venv/bare$$version/.installed .venv/cli$$version/.installed && \
	  $(DEV)/bin/python scripts/packing.py smoke dist .venv/bare$$version .venv/cli$$version \
	    </dev/null || exit 1; \
	done
	$(MAKE) --no-print-directory sbom

# What the wheel depends on, and under which licences: dist/sbom.json, dist/licences.md.
sbom: $(DEV)/.installed $(RUNTIME)/.installed $(AUDIT)/.installed
	$(DEV)/bin/python scripts/supply.py sbom $(AUDIT) $(RUNTIME) dist
	$(AUDIT)/bin/pip-licenses --python $(RUNTIME)/bin/python --format markdown \
	  --ignore-packages datalab-facade pip setuptools --allow-only "$(LICENCES)" --partial-match \
	  --output-file dist/licences.md

# Needs the internet, so nothing else waits for it; where there is none, it says so and fails.
audit: $(DEV)/.installed $(AUDIT)/.installed
	$(DEV)/bin/python scripts/supply.py audit $(AUDIT)

check: $(DEV)/.installed
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/mypy
	$(DEV)/bin/basedpyright
	PYTHONPATH=generated $(DEV)/bin/lint-imports --no-cache
	$(DEV)/bin/python scripts/unasync.py --check
	$(DEV)/bin/python scripts/public_names.py --check
	$(DEV)/bin/python scripts/regenerate.py --check
	$(DEV)/bin/python scripts/facts.py --check
	$(DEV)/bin/python scripts/figures.py --check
	$(DEV)/bin/python scripts/api.py

# Changes the code that decides in thousands of small ways, and tells which of them no test
# notices; some twenty minutes. ONLY="datalab_facade.decoding*" tries a part of it.
mutants: $(MUTANTS)/.installed
	$(MUTANTS)/bin/mutmut run --max-children 1 $(ONLY)
	$(MUTANTS)/bin/mutmut results

# The types of what needs packages that the light environment has not.
check-heavy: $(HEAVY)/.installed
	$(HEAVY)/bin/mypy $(HEAVY_FILES)
	$(HEAVY)/bin/basedpyright --project pyrightconfig.heavy.json

# What it says is in docs/benchmarks.md. BENCH="--only call" measures some of it.
bench: $(DEV)/.installed
	$(DEV)/bin/python -m benchmarks $(BENCH)

# Writes the measured figures into README.md and docs/. MEASURED=bench.json takes over first what
# `make bench BENCH="--json bench.json"` measured.
figures: $(DEV)/.installed
	$(DEV)/bin/python scripts/figures.py $(MEASURED)

format: $(DEV)/.installed
	$(DEV)/bin/python scripts/unasync.py
	$(DEV)/bin/python scripts/public_names.py
	$(DEV)/bin/ruff check --fix --exit-zero --quiet
	$(DEV)/bin/ruff format

# The site, in site/; a warning ends the build.
docs: $(DOCS)/.installed
	$(DOCS)/bin/python scripts/draw.py --check
	$(DOCS)/bin/python -m zensical build --clean --strict
	@echo "To read it: $(DOCS)/bin/python -m http.server --bind 127.0.0.1 --directory site"

regenerate: $(DEV)/.installed
	$(DEV)/bin/python scripts/regenerate.py

# What the changelog will say of what is not released yet.
changelog: $(DEV)/.installed
	@$(DEV)/bin/towncrier build --draft --version Unreleased

# The pins of everything that development and the demo use, with hashes.
lock: $(DEV)/.installed
	$(DEV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate pyproject.toml --output-file requirements/runtime.txt
	for group in dev demo docs heavy wheel pythons audit mutants; do \
	  $(DEV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --group pyproject.toml:$$group pyproject.toml \
	    --output-file requirements/$$group.txt || exit 1; \
	done

clean:
	rm -rf .venv .regenerate* .cache build dist mutants site

$(DEV)/.installed: requirements/dev.txt pyproject.toml
	@scripts/install $(PYTHON) $(DEV) requirements/dev.txt

$(DEMO)/.installed: requirements/demo.txt pyproject.toml
	@scripts/install $(PYTHON) $(DEMO) requirements/demo.txt

$(HEAVY)/.installed: requirements/heavy.txt pyproject.toml
	@scripts/install $(PYTHON) $(HEAVY) requirements/heavy.txt

$(DOCS)/.installed: requirements/docs.txt pyproject.toml
	@scripts/install $(PYTHON) $(DOCS) requirements/docs.txt

$(MUTANTS)/.installed: requirements/mutants.txt pyproject.toml
	@scripts/install $(PYTHON) $(MUTANTS) requirements/mutants.txt

.venv/py%/.installed: requirements/pythons.txt pyproject.toml
	@scripts/install $(PYTHON) .venv/py$* requirements/pythons.txt

# These hold packages only: the wheel is put in where it is wanted.
.venv/bare%/.installed: requirements/runtime.txt
	@scripts/install $(PYTHON) .venv/bare$* requirements/runtime.txt --packages-only

.venv/cli%/.installed: requirements/demo.txt
	@scripts/install $(PYTHON) .venv/cli$* requirements/demo.txt --packages-only

$(WHEEL)/.installed: requirements/wheel.txt
	@scripts/install $(PYTHON) $(WHEEL) requirements/wheel.txt --packages-only

$(RUNTIME)/.installed: requirements/runtime.txt
	@scripts/install $(PYTHON) $(RUNTIME) requirements/runtime.txt --packages-only

$(AUDIT)/.installed: requirements/audit.txt
	@scripts/install $(PYTHON) $(AUDIT) requirements/audit.txt --packages-only
