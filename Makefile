# Everything a developer types. The first target that is called makes .venv from the lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help install demo check quick test long torture fuzz lock

help:
	@echo "make demo    the whole path on images that it draws itself, in minutes, on a CPU"
	@echo "make test    all tests that are quick enough for every day"
	@echo "make quick   the tests without TensorFlow and without processes, in seconds"
	@echo "make long    real trainings, half an hour"
	@echo "make fuzz    10,000 random inputs for everything that reads; ODAPI_FUZZ_SEED=N, ODAPI_FUZZ_CASES=N"
	@echo "make torture N=200, kills of a real training at random moments; interrupted, it goes on"
	@echo "make check   format, lint, types"
	@echo "make lock    raise the locked versions"

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else "odapi needs Python 3.11 or 3.12: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --group dev --editable .
	touch $@

demo: $(INSTALLED)
	$(BIN)/odapi demo

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

quick: $(INSTALLED)
	$(BIN)/python -m pytest -q -m "not tf and not process and not long and not gpu" --ignore tests/fuzz

test: $(INSTALLED)
	$(BIN)/python -m pytest -q --durations=15

long: $(INSTALLED)
	$(BIN)/python -m pytest -q -m long --durations=0

# The log has the seed and the fate of each kill; `rm -r .torture` begins anew.
torture: $(INSTALLED)
	PYTHONPATH=tests time $(BIN)/python -m torture --kills $${N:-200} --seed $${SEED:-0}

# A failing input is saved in .fuzz/, with the command that replays it.
fuzz: $(INSTALLED)
	ODAPI_FUZZ_CASES=$${ODAPI_FUZZ_CASES:-10000} ODAPI_FUZZ_SEED=$${ODAPI_FUZZ_SEED:-$$(date +%s)} \
		$(BIN)/python -m pytest -q tests/fuzz --durations=0

lock:
	uv pip compile --universal --python-version 3.11 pyproject.toml --group dev \
		--no-emit-index-url --no-annotate --upgrade -o requirements.lock
