# Everything a newcomer needs: `make quickstart` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# modules are compiled once: where the environment forbids to keep that, each of hundreds of processes does it anew
export PYTHONDONTWRITEBYTECODE :=

.PHONY: quickstart test check site slow bench tag clean

quickstart: $(VENV)/.installed
	$(BIN)/python -m nerbb_ray.tune configs/quickstart.ini
	@echo "for the commands above: source $(BIN)/activate"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 4 --dist loadscope

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/hadolint Dockerfile
	$(MAKE) --no-print-directory site

# the pages as a site, build/site/index.html: a link that leads nowhere or a page that is not in the menu ends it
# (no --quiet: it would make --strict deaf)
site: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "slow or chaos"

# about 30 minutes on two quiet CPUs; BENCH_REPEATS=3 gives medians with their spread, in three times the time
BENCH_DATA ?= store/datasets/quickstart
BENCH_REPEATS ?= 1
bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/bench_start.py
	$(BIN)/python benchmarks/bench_trial.py --dataset $(BENCH_DATA) --sentences 256 --epochs 4 --repeats $(BENCH_REPEATS)
	$(BIN)/python benchmarks/bench_experiment.py --dataset $(BENCH_DATA) --sentences 256 --epochs 4 --lrs 3e-4 5e-4 --seeds 2 --repeats $(BENCH_REPEATS)
	$(BIN)/python benchmarks/bench_makespan.py --dataset $(BENCH_DATA) --repeats $(BENCH_REPEATS)
	$(BIN)/python benchmarks/bench_makespan.py --dataset $(BENCH_DATA) --sentences 64 --growth
	$(BIN)/python benchmarks/bench_peak.py --dataset $(BENCH_DATA)
	$(BIN)/python benchmarks/bench_vocabulary.py --repeats $(BENCH_REPEATS)
	$(BIN)/python benchmarks/bench_profile.py --dataset $(BENCH_DATA)
	$(BIN)/python benchmarks/bench_step.py --dataset $(BENCH_DATA) --repeats $(BENCH_REPEATS)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch comes first and alone: a looser request would bring a CUDA build of several GB.
# TORCH_INDEX=https://download.pytorch.org/whl/cpu takes the build for CPUs, which on Linux saves gigabytes
$(VENV)/.torch: constraints.txt | $(VENV)/bin/python
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	touch $@

$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) --constraint constraints.txt --editable '.[quickstart]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable '.[quickstart,docs,dev]'
	touch $@

# tags the versions of CHANGELOG.md that have no tag yet; pushes nothing
tag: $(VENV)/bin/python
	$(BIN)/python .ci/tag_versions.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
