# `make lab` and `make test` need Python 3.11 or newer with venv, make and git; they set up .venv
# themselves from the pinned, hashed lists. `make help` lists the rest.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SHELLFLAGS := -eu -c
.PHONY: help lab test fuzz bench data lint notebooks lock clean

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
export PYTHONPATH :=

# --- the two environments, one on top of the other, in .venv -------------------------------------

LAB := .venv/.lab-stamp
DEV := .venv/.dev-stamp
FUZZ := .venv/.fuzz-stamp

# The first Python that is new enough and can make environments. PYTHON=… comes before the others.
.venv/bin/python:
	@for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	        2>/dev/null; then \
	        echo "making .venv with $$("$$candidate" --version)"; \
	        exec "$$candidate" -m venv --clear .venv; \
	    fi; \
	done; \
	echo "zcviz needs Python 3.11 or newer with the venv module (Debian: apt install python3-venv)." \
	    "None was found; name one with: make PYTHON=/path/to/python" >&2; \
	exit 1

$(LAB): binder/requirements.txt pyproject.toml | .venv/bin/python
	@echo "installing the pinned notebook environment (once; a minute or two)"
	@$(PIP) --require-hashes -r binder/requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@echo "compiling the kernels (once)"
	@$(PY) -m zcviz info data/feed.itch > /dev/null && $(PY) -m zcviz compare data/feed.pcap > /dev/null
	@touch $@

$(DEV): requirements-dev.txt $(LAB)
	@echo "installing the developers' tools (once)"
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

$(FUZZ): pyproject.toml $(DEV)
	@echo "installing the fuzzer (once)"
	@$(PY) -m uv --quiet pip install --python $(PY) --group fuzz
	@touch $@

# --- what people type ----------------------------------------------------------------------------

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

lab: $(LAB) ## open the lessons in JupyterLab (DIR=folder, ARGS="arguments for JupyterLab")
	@exec $(PY) -m zcviz lab $(if $(DIR),"$(DIR)") $(if $(ARGS),-- $(ARGS))

# Files of tests are shared out between two processes: those that drive a browser wait a lot.
test: $(DEV) ## run the tests (ZCVIZ_SLOW=1 for all, JOBS=1 for one after another, ARGS="arguments for pytest")
	@$(PY) -m pytest --numprocesses $(or $(JOBS),2) --dist loadfile --no-loadscope-reorder \
	    $(if $(filter 1,$(ZCVIZ_SLOW)),,-m "not slow") $(ARGS)

fuzz: $(FUZZ) ## search for bytes that break anything (ARGS="--seconds 600 --feed itch50")
	@$(PY) tools/fuzz.py $(ARGS)

bench: $(LAB) ## measure speed and memory, beside other packages (ARGS=--no-peers, ARGS=--full)
	@$(PY) -m zcviz.bench $(ARGS)

data: $(LAB) ## make the files of data/ again, byte for byte
	@$(PY) tools/make_data.py $(ARGS)

lint: $(DEV) ## style, types, import directions, notebooks, spelling
	@status=0; check() { echo "-- $$*"; "$$@" || status=1; }; \
	check $(PY) -m ruff check .; \
	check $(PY) -m ruff format --check .; \
	check $(PY) -m mypy; \
	check .venv/bin/lint-imports --no-logo; \
	check $(PY) tools/notebooks.py --check; \
	check .venv/bin/codespell; \
	exit $$status

notebooks: $(DEV) ## write notebooks/*.ipynb from their .py twins
	@$(PY) tools/notebooks.py $(ARGS)

lock: $(DEV) ## write both lists of pinned packages (ARGS=--upgrade for newer versions)
	@$(PY) tools/lock.py $(ARGS)

clean: ## remove .venv and everything that runs leave behind
	rm -rf .venv artifacts bench-results dist build .mypy_cache .ruff_cache .pytest_cache \
	    .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
