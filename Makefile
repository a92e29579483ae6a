# Every target sets up what it needs on a bare Debian machine: packages through apt, .venv,
# the build; each is quick when nothing changed. docs/build.md says more.
#
#   make demo     trains a network on real digits, ships it, runs the shipped binary
#   make test     builds and runs every test
#   make fuzz     looks for new failures for MINUTES (10)
#   make build | bench | lint | format | docs | clean | test-levels | test-packaging | test-sanitized | test-tsan
#
SHELL := /bin/bash
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

PYTHON ?= python3
BUILD ?= build
STEPWELL_MLIR_PYTHON ?= ON
STEPWELL_SANITIZE ?=
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc)
PYTEST_JOBS ?= $(shell n=$$(nproc); echo $$((n < 8 ? n : 8)))

STAMPS := $(VENV)/stamps
CMAKE_FILES := $(shell find CMakeLists.txt cmake runtime lib dialects targets tools python test \
  -name CMakeLists.txt -o -name '*.cmake' -o -name '*.in' 2>/dev/null)

.PHONY: build test lint format docs clean test-levels test-packaging test-sanitized test-tsan packages

packages:
	@cmake/install-packages.sh

$(STAMPS)/venv: | packages
	$(PYTHON) -m venv $(VENV)
	mkdir -p $(STAMPS)
	touch $@

$(STAMPS)/requirements: requirements-dev.txt $(STAMPS)/venv | packages
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(STAMPS)/requirements-docs: requirements-docs.txt $(STAMPS)/requirements
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	touch $@

$(BUILD)/configured: $(CMAKE_FILES) cmake/fetch-mlir-python-sources.sh $(STAMPS)/requirements | packages
	CC=clang-22 CXX=clang++-22 cmake -G Ninja -S . -B $(BUILD) \
	  -DCMAKE_PREFIX_PATH="$$(llvm-config-22 --prefix)" \
	  -DPython_EXECUTABLE="$(CURDIR)/$(BIN)/python" \
	  -DPython3_EXECUTABLE="$(CURDIR)/$(BIN)/python" \
	  -DSTEPWELL_MLIR_PYTHON=$(STEPWELL_MLIR_PYTHON) -DSTEPWELL_SANITIZE=$(STEPWELL_SANITIZE)
	touch $@

# Sources are compiled where the clone lies, but ccache may be shared between clones.
build: $(BUILD)/configured
	@CCACHE_BASEDIR="$(CURDIR)" CCACHE_NOHASHDIR=1 ninja -C $(BUILD) -j $(JOBS)
	@cmake/link-venv.sh $(BUILD) $(VENV)

test: build
	@cmake/run-tests.sh $(BUILD) $(BIN) $(PYTEST_JOBS)

test-levels: build
	@cmake/test-levels.sh $(BUILD) $(BIN) $(PYTEST_JOBS)

test-packaging: build
	@$(BIN)/python test/packaging/wheel.py

.PHONY: demo
demo: build
	@$(BIN)/python examples/digits.py

$(STAMPS)/requirements-bench: requirements-bench.txt $(STAMPS)/requirements | packages
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

# Against PyTorch, which only this installs. BENCH="--group matmul" for a part.
.PHONY: bench bench-verify
bench: build $(STAMPS)/requirements-bench
	@ninja -C $(BUILD) kernel-packs # as in a wheel
	@$(BIN)/python bench/run.py $(BENCH)

# The same cases, whose results are compared and not timed.
bench-verify: build $(STAMPS)/requirements-bench
	@$(BIN)/python bench/run.py --verify-only

# The runtime and the eager side, in folders of their own: what runs without a compiler must be clean.
test-sanitized: build
	@cmake/test-sanitized.sh build-sanitized $(BIN) $(BUILD) $(PYTEST_JOBS)

test-tsan: build
	@STEPWELL_SANITIZE=thread cmake/test-sanitized.sh build-tsan $(BIN) $(BUILD) $(PYTEST_JOBS)

# docs/fuzzing.md. FUZZ="calls --keep" for one fuzzer or other options.
MINUTES ?= 10
.PHONY: fuzz fuzz-minute
fuzz: build $(STAMPS)/requirements-bench
	@STEPWELL_BUILD_DIR=$(abspath $(BUILD)) $(BIN)/python test/fuzz/run.py --minutes $(MINUTES) $(FUZZ)

# At most about a minute of each, with the same cases each time and on each machine.
fuzz-minute: build $(STAMPS)/requirements-bench
	@STEPWELL_BUILD_DIR=$(abspath $(BUILD)) $(BIN)/python test/fuzz/run.py --fixed --seed 1 $(FUZZ)

lint: $(STAMPS)/requirements
	@cmake/lint.sh $(BIN)

# What lint would ask for.
format: $(STAMPS)/requirements
	git ls-files -z '*.h' '*.c' '*.cpp' | xargs -0 clang-format-22 -i
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .

docs: build $(STAMPS)/requirements-docs
	@cmake/build-docs.sh $(BUILD) $(BIN)

clean:
	rm -rf $(BUILD) docs/_build docs/api docs/reference
