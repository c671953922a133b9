# Two commands matter: `make book` builds the course, `make test` checks all of it.
# Everything is installed into .venv from requirements.txt; nothing outside this folder is touched.
# Written for GNU make 3.81 and later (what macOS ships).

PYTHON ?= python3
VENV ?= .venv
# One more than there are processors: some tests wait, for a browser or for a process of their own.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -gt 7 ] && n=7; echo $$((n + 1)))
PY := $(VENV)/bin/python
# Files start in the order of the command line, the long ones first, so that processors end together.
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
NBVAL := --nbval --nbval-current-env

# The stamp carries Python's version, so that `make book PYTHON=python3.13` makes a new environment.
PYTHON_VERSION := $(shell $(PYTHON) -E -c "import sys; print('%d.%d' % sys.version_info[:2])" 2>/dev/null)
INSTALLED := $(VENV)/installed-$(PYTHON_VERSION)

# The user's shell neither changes nor breaks what is made here. How pip reaches an index stays, and so
# does the place of compiled programs. For those who call jupyter-book or pytest themselves:
# book/_ext/own_shell.py. What is named on the command line counts: make book JAX_PLATFORMS=cuda.
FOREIGN := JAX_% XLA_% EQX_% MPLBACKEND MATPLOTLIB% JUPYTER_% IPYTHON% VIRTUAL_ENV RESODE_STATIC PYTHON% PIP_%
KEPT := PYTHON PYTHON_VERSION PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED JUPYTER_RUNTIME_DIR PIP_INDEX_URL \
  PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST PIP_CERT PIP_CLIENT_CERT PIP_PROXY \
  PIP_TIMEOUT PIP_DEFAULT_TIMEOUT PIP_RETRIES PIP_CACHE_DIR PIP_CONFIG_FILE PIP_KEYRING_PROVIDER
unexport $(filter-out $(KEPT),$(filter $(FOREIGN),$(.VARIABLES)))
export RESODE_MAKE := 1
export JAX_PLATFORMS := cpu
export JUPYTER_PREFER_ENV_PATH := 1
export IPYTHONDIR := $(CURDIR)/.ipython
export MATPLOTLIBRC := /dev/null
export PIP_USER := 0

# Most of the time goes to the compiler, and pages, claims and notebooks compile the same programs:
# keep them. Equinox's errors inside programs are calls to Python, which cannot be kept; our own
# checks come before. Two processes may meet in one file: then JAX warns and compiles once more.
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.jax_cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES := -1
export EQX_ON_ERROR := nan
# What the pages and tests compile is small and runs once: optimised code would not pay for itself.
# XLA refuses flags that it does not know, so later versions of JAX may need another list.
export XLA_FLAGS := --xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1 \
  --xla_cpu_use_fusion_emitters=false
# Pages and tests run side by side, one for each processor: NumPy's own threads would only wait.
export OPENBLAS_NUM_THREADS := 1
export PYTHONWARNINGS := ignore:Error reading persistent compilation cache
export PYTHON

.PHONY: help book test colab notebooks assignments cohort records sweep benchmarks lock versions repository clean check-python
.DEFAULT_GOAL := help

help:
	@echo "make book        build the course into _build/html (installs what it needs first)"
	@echo "make test        build the course, then run every test and every notebook"
	@echo "make colab [TIMES=1]   install and run as a reader on Colab does; TIMES: all chapters, timed (quiet machine)"
	@echo "make notebooks   regenerate the .ipynb beside each chapter (runs them)"
	@echo "make assignments [COHORT=name]   write the problem sets' editions for a class"
	@echo "make cohort NAME=name            the same, and the key that its marks are drawn from"
	@echo "make records [ONLY=name]   what the pages show but no build computes: what is missing, or name"
	@echo "make sweep [ONLY=name] [SETTINGS=20]   try every claim in many settings (hours, goes on where it stopped)"
	@echo "make benchmarks [ONLY=group] [ROUNDS=7]   the same for timings beside our peers (quiet machine)"
	@echo "make repository URL=https://github.com/you/name   point every link at your copy"
	@echo "make lock        pin requirements.in into requirements.txt"
	@echo "make versions    run library, claims and notebooks on the lowest and the newest versions"
	@echo "make clean       remove what was built; the installed .venv stays"
	@echo
	@echo "Options: PYTHON=python3.13 (any Python from 3.11 on), WORKERS=$(WORKERS) (test processes)."

check-python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || { \
	  echo "error: this course needs Python 3.11 or newer."; \
	  echo "  got:      '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1)"; \
	  echo "  expected: a Python of version 3.11, 3.12, 3.13 or newer"; \
	  echo "  mend:     install one and name it, for example  make book PYTHON=python3.12"; \
	  exit 1; } >&2
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { \
	  echo "error: '$(PYTHON)' cannot make virtual environments."; \
	  echo "  got:      a Python without its venv and ensurepip modules"; \
	  echo "  expected: both (Debian and Ubuntu ship them apart)"; \
	  echo "  mend:     sudo apt-get install python3-venv"; \
	  exit 1; } >&2

# The pins are complete (tests/tools/test_requirements.py), so pip has nothing to resolve, and files are
# compiled when they are first imported: half of the time of an installation.
# The stamp is written last: an interrupted installation starts again. It is checked against the
# text of both files too, since a fresh checkout gives old text a new date.
$(INSTALLED): requirements.txt pyproject.toml $(wildcard grader/pyproject.toml) | check-python
	@if ! cat $^ | cmp -s - $@; then \
	  $(PY) -c "import pip, sys; sys.exit('%d.%d' % sys.version_info[:2] != '$(PYTHON_VERSION)')" 2>/dev/null \
	    || { rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); } || exit 1; \
	  echo "Installing what the course needs into $(VENV) (once, about a minute) ..."; \
	  rm -f $(VENV)/installed-*; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-compile -r requirements.txt && \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e grader && \
	  cat $^ > $@.part && mv $@.part $@ || exit 1; \
	fi; touch $@

book: $(INSTALLED)
	@$(VENV)/bin/jupyter-book build . -W -n --keep-going
	@echo "The course is at file://$(CURDIR)/_build/html/index.html"
	@echo "Search works best from a server: $(PY) -m http.server -d _build/html, then open http://localhost:8000"

# On a laptop a fully green run is remembered until a file changes; CI always runs.
test: $(INSTALLED)
	@if [ -z "$$CI" ] && $(PY) tools/green.py check; then exit 0; fi; \
	$(MAKE) --no-print-directory book && \
	$(PY) tools/green.py run -- $(PYTEST) $(NBVAL) book/index.ipynb tests grader

notebooks: $(INSTALLED)
	@$(PY) tools/notebooks.py

assignments: $(INSTALLED)
	@$(PY) tools/assignments.py --cohort "$(or $(COHORT),book)" --version "$(or $(VERSION),main)"

cohort: $(INSTALLED)
	@$(PY) tools/cohort.py "$(NAME)" --version "$(or $(VERSION),main)"

records: $(INSTALLED)
	@$(PY) -m evidence $(if $(ONLY),'$(ONLY)')

# Hours; stop it at any time, it goes on where it was.
sweep: $(INSTALLED)
	@$(PY) -m evidence.sweeps --settings $(or $(SETTINGS),20) $(if $(ONLY),'$(ONLY)')

# Peers have an environment of their own, as the newest of each comes.
.venv-peers/installed: requirements.txt pyproject.toml | check-python
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check -r requirements.txt -e ".[course,peers]"
	touch $@

benchmarks: .venv-peers/installed
	@.venv-peers/bin/python -m evidence.benchmarks --rounds $(or $(ROUNDS),7) $(if $(ONLY),"$(ONLY)")

repository: $(INSTALLED)
	@$(PY) tools/repository.py "$(URL)"

lock: | check-python
	@test -x .venv-lock/bin/uv || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv; }
	.venv-lock/bin/uv pip compile --universal --python-version 3.11 --fork-strategy fewest \
	  --no-header --annotation-style line --quiet requirements.in -o requirements.txt

# Colab's versions, then the first cell as it stands: what pip does there, with what the index offers
# today, nobody holding anything but the cell itself. Then chapters, without any setting of ours.
colab: | check-python
	rm -rf .venv-colab && $(PYTHON) -m venv .venv-colab
	.venv-colab/bin/python -m pip install --quiet --disable-pip-version-check -r tests/tools/colab-2026-08.txt
	@.venv-colab/bin/python tools/colab.py $(if $(TIMES),--times) $(if $(WRITE),--write) $(if $(ONLY),--only $(ONLY))

# Does our code run at the ends of the ranges in pyproject.toml? Each end has an environment of its own;
# the lowest is installed with a constraint for every dependency, so it cannot tell what pip would
# choose beside versions that are there: that is `make colab`. Other packages may warn of each other's
# age: only errors count.
versions: versions-lowest versions-newest
versions-lowest: CONSTRAINT := -c tests/lowest.txt
versions-lowest versions-newest: export XLA_FLAGS := --xla_backend_optimization_level=0
versions-lowest versions-newest: versions-%: | check-python
	rm -rf .venv-$* && $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install --quiet --disable-pip-version-check $(CONSTRAINT) -e ".[course,test]"
	.venv-$*/bin/pip list 2>/dev/null | grep -iE "^(jax|jaxlib|flax|diffrax|numpy|matplotlib|ipywidgets) "
	.venv-$*/bin/python -m pytest -n $(WORKERS) --dist loadfile $(NBVAL) -p no:cacheprovider -W default tests/unit tests/claims book

clean:
	rm -rf _build build dist *.egg-info .ipython .pytest_cache .ruff_cache .import_linter_cache .jax_cache
	find . -path "./.venv*" -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
