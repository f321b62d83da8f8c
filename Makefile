# make demo: train, export and verify a small SE network.  make test: the test suite.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Processes that share the suite.
WORKERS ?= 2
TEST = $(BIN)/python -m pytest -q -p no:cacheprovider -n $(WORKERS) --dist loadfile --durations 12
# Each program of JAX runs once or twice here: compiling it well takes longer than running it badly,
# and processes and tests that need the same one share it.
JAX = KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1 \
  JAX_COMPILATION_CACHE_DIR=$(CURDIR)/build/jax JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0.1
# What runs on every backend before a release; the rest of the analysis is the same code, and minutes
# of compiling on JAX. Files are found, read and refused before a backend sees them, and written from
# arrays.
ALL_BACKENDS = tests/layers tests/architectures tests/surgery/test_add_se.py tests/weights \
  tests/analysis/test_cost.py tests/analysis/test_excitation.py tests/analysis/test_freezable.py \
  $(addprefix --ignore=tests/weights/test_, bad_files.py checkpoints.py download.py \
  export_weights.py hostile_files.py records.py surroundings.py weights_argument.py)
# At every change not what is decided by shapes, not the family that compiles longest, and not the
# readers of files that TensorFlow's line reads.
BACKENDS = $(ALL_BACKENDS) \
  $(addprefix --ignore=tests/architectures/test_, attention.py efficientnet.py keras_applications.py \
  output_stride.py parameters.py placements.py shapes.py) \
  $(addprefix --ignore=tests/weights/test_, attention_files.py caffe.py channels.py \
  keras_applications_files.py keras_files.py parts.py)
# Training runs on TensorFlow and JAX. Mistakes and the writing of files are no backend's.
TRAINING = tests/training \
  $(addprefix --ignore=tests/training/test_, mistakes.py writers.py)
export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 1

.PHONY: help demo test test-fast test-slow test-lowest arm lint docs dist clean

help:
	@echo "make demo       train SE-ResNet-20 on digits, export to TFLite, verify"
	@echo "make test       the test suite, on every backend that is installed"
	@echo "make test-fast  the same on the TensorFlow backend only"
	@echo "make test-slow  what takes long, before a release: full-size networks, other processes"
	@echo "make test-lowest  the suite on the oldest versions that pyproject.toml allows"
	@echo "make arm        files of every format on an emulated 64-bit Arm processor, beside x86: an hour or more"
	@echo "make lint       ruff, import contracts, pyright"
	@echo "make docs       build the documentation into site/"
	@echo "make dist       build wheel and sdist into dist/, and try each extra of the wheel"

$(VENV)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "keras_senet needs Python >= 3.11, $(PYTHON) is older: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -U pip
	@touch $@

# A stamp for each set of extras, renewed when the requirements change.
$(VENV)/demo: pyproject.toml | $(VENV)/pip
	$(BIN)/python -m pip install -q -e '.[analysis,data,export,train]'
	@touch $@

$(VENV)/dev: pyproject.toml | $(VENV)/pip
	$(BIN)/python -m pip install -q -e '.[dev,docs]'
	@touch $@ $(VENV)/demo

demo: $(VENV)/demo
	$(BIN)/python demo.py

test: $(VENV)/dev
	$(TEST) -m "not slow"
	TF_ENABLE_ONEDNN_OPTS=0 $(TEST) -m "not slow" tests/layers
	$(JAX) $(TEST) -m "not slow" $(BACKENDS) $(TRAINING)
	if $(BIN)/python -c "import torch" 2>/dev/null; then \
	  KERAS_BACKEND=torch $(TEST) -m "not slow" $(BACKENDS); \
	else echo "PyTorch is not installed: its lines were not run."; fi

test-fast: $(VENV)/dev
	$(TEST) -m "not slow"

test-slow: $(VENV)/dev
	$(TEST) -m slow
	$(JAX) $(TEST) $(ALL_BACKENDS) $(TRAINING)
	if $(BIN)/python -c "import torch" 2>/dev/null; then \
	  KERAS_BACKEND=torch $(TEST) $(ALL_BACKENDS); \
	else echo "PyTorch is not installed: its lines were not run."; fi

# TensorFlow's lines of the suite, each direct dependency in its oldest version.
LOWEST ?= tests
test-lowest: $(VENV)/dev
	$(BIN)/uv venv -q --clear --python $(BIN)/python build/lowest
	$(BIN)/uv pip install -q --python build/lowest/bin/python --resolution lowest-direct -e '.[dev]'
	build/lowest/bin/python -m pytest -q -p no:cacheprovider -n $(WORKERS) --dist loadfile \
	  -m "not slow" $(LOWEST)

# An emulated machine in build/arm, results in benchmarks/results/.
arm: $(VENV)/dev
	for part in compare operators instructions; do \
	  PYTHONPATH=benchmarks $(BIN)/python -m arm.$$part || exit 1; \
	done

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/dev
	$(BIN)/mkdocs build --strict

dist: $(VENV)/dev
	$(BIN)/python tests/release/build.py $(if $(REPOSITORY),--repository=$(REPOSITORY))

clean:
	rm -rf $(VENV) build dist site runs
