# make demo   the main job on real input          make test   all tests
# make lint   every static check                  make check  all that guards a change
# make test-full   the tests that need frameworks, in an environment of their own; make test-old: older releases of some
SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
TESTS ?= tests

SOURCES := pyproject.toml CMakeLists.txt $(shell find csrc reprofp -type f ! -name '*.pyc' ! -path '*/__pycache__/*')

.PHONY: demo test test-full test-old coverage lint check test-c asan tsan arm fuzz wheel docs clean bootstrap

# The environment holds the package as a user would install it, not the checkout.
$(BIN)/python:
	PYTHON=$(PYTHON) tools/bootstrap.sh
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[demo]'
	@touch $@

$(VENV)/.test: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test]'
	@touch $@

$(VENV)/.lint: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test,lint]' 'cmake>=3.25' ninja
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py build/demo

# From outside the checkout: what is tested is what was installed.
test: $(VENV)/.test
	mkdir -p build/test
	@echo 'Tests marked "frameworks" are left out: they need torch, scikit-learn, JAX and others; make test-full runs them.'
	cd build/test && $(abspath $(BIN))/pytest -c $(CURDIR)/pyproject.toml --rootdir $(CURDIR) -n $(JOBS) \
		-m 'not frameworks' $(PYTEST_ARGS) $(addprefix $(CURDIR)/,$(TESTS))

# The "+cpu" build by name: the one without it is for CUDA, of several GB, and would be tested no further here. It is
# on PyTorch's own index; where pip does not look there, TORCH='torch==2.13.0' takes what there is.
FULL ?= .venv-full
TORCH ?= torch==2.13.0+cpu
FRAMEWORKS := '$(TORCH)' numpy scikit-learn 'jax[cpu]' gguf xgboost-cpu lightgbm numba numexpr transformers triton dvc \
	ray dask distributed

$(FULL)/.test: $(SOURCES) Makefile
	PYTHON=$(PYTHON) tools/bootstrap.sh
	test -x $(FULL)/bin/python || $(PYTHON) -m venv $(FULL)
	$(FULL)/bin/python -m pip install --quiet --disable-pip-version-check '.[test]' $(FRAMEWORKS)
	@touch $@

# One process at a time: frameworks take all cores.
test-full: $(FULL)/.test
	mkdir -p build/test-full
	cd build/test-full && $(abspath $(FULL))/bin/pytest -c $(CURDIR)/pyproject.toml --rootdir $(CURDIR) \
		-m frameworks $(PYTEST_ARGS) $(addprefix $(CURDIR)/,$(TESTS))

# What looks into NumPy, SciPy and scikit-learn, with releases of two years before the newest.
OLD ?= .venv-old
OLDER := 'numpy<2' 'scipy<1.13' 'scikit-learn<1.5'
LOOKING := real_frameworks process_probes raw raw_frameworks threads weights

$(OLD)/.test: $(SOURCES) Makefile
	PYTHON=$(PYTHON) tools/bootstrap.sh
	test -x $(OLD)/bin/python || $(PYTHON) -m venv $(OLD)
	$(OLD)/bin/python -m pip install --quiet --disable-pip-version-check '.[test]' $(OLDER)
	@touch $@

test-old: $(OLD)/.test
	mkdir -p build/test-old
	cd build/test-old && $(abspath $(OLD))/bin/pytest -c $(CURDIR)/pyproject.toml --rootdir $(CURDIR) \
		$(PYTEST_ARGS) $(CURDIR)/tests/numerics $(LOOKING:%=$(CURDIR)/tests/probes/test_%.py)

# Branch coverage of the installed package, by the same tests.
coverage:
	$(MAKE) test PYTEST_ARGS='--cov=reprofp --cov-branch --cov-report=term:skip-covered $(PYTEST_ARGS)'

lint: $(VENV)/.lint
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run --Werror $$(find csrc tests -name '*.[ch]')
	$(BIN)/cmake --preset dev -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) >/dev/null
	# neon.c is for another processor than this compile database.
	find csrc -name '*.c' ! -path '*/ffi/*' ! -name neon.c | xargs -P $(JOBS) -n 4 $(BIN)/clang-tidy -p build/dev --quiet --warnings-as-errors='*'

# The core without Python: plain, and under the address, undefined-behaviour and thread sanitizers.
# arm: cross-built for aarch64 and run under qemu-user.
test-c asan tsan arm: $(VENV)/.lint
	preset=$(subst test-c,release,$@); PATH=$(abspath $(BIN)):$$PATH; \
	cmake --preset $$preset >/dev/null && cmake --build --preset $$preset && ctest --preset $$preset

# Clang's libFuzzer on every target, SECONDS each, from a corpus that grows in build/fuzz.
fuzz: $(VENV)/.lint
	PATH=$(abspath $(BIN)):$$PATH; cmake --preset fuzz >/dev/null && cmake --build --preset fuzz
	for target in hasher batch manifest canonical; do \
		mkdir -p build/fuzz/corpus/$$target && \
		build/fuzz/csrc/tests/fuzz/fuzz_$$target -max_total_time=$(or $(SECONDS),10) -max_len=600 build/fuzz/corpus/$$target || exit 1; \
	done

# The sdist builds in isolation into one abi3 wheel for CPython 3.10 and later.
wheel: $(VENV)/.lint
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/abi3audit --strict dist/*.whl
	ls -l dist

check: lint test-c asan tsan test wheel demo

clean:
	rm -rf build dist $(VENV) $(FULL) $(OLD)
