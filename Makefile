# `make shop` and `make test` are all a newcomer needs; both set up what they use and do so once.
PYTHON ?= python3
# On Linux without a GPU, `make shop TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"` saves a
# large download of CUDA libraries.
TORCH ?= torch==2.13.0
SHOP ?= shops/sample
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: shop test setup setup-dev sample format lint types check programs vllm clean

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev
vllm: .venv-vllm/.ready

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "CrossAisle needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml | $(VENV)/bin/python
	$(PIP) install $(TORCH)
	$(PIP) install -e .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml $(VENV)/.ready
	$(PIP) install -e '.[dev,tune]'
	@touch $@

# vLLM pins a torch of its own, so its CPU build lives in an environment of its own.
.venv-vllm/.ready: .ci/vllm-requirements.txt
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip --disable-pip-version-check --quiet install $(TORCH)
	.venv-vllm/bin/python -m pip --disable-pip-version-check --quiet install -r .ci/vllm-requirements.txt
	.venv-vllm/bin/python -m pip --disable-pip-version-check --quiet uninstall -y torchvision torchaudio torchcodec
	@touch $@

sample: setup
	@test -e $(SHOP)/manifest.json || $(BIN)/crossaisle sample --into $(SHOP)

shop: sample
	$(BIN)/crossaisle shop --shop $(SHOP)

programs:
	@bash .ci/programs

format: setup-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup-dev
	$(BIN)/mypy

NONE = $(if $(PYTEST_ARGS),|| test $$? = 5) # of the tests that were chosen, none may be among these
# Two at a time, each file in one process; a server for vLLM's tests takes the machine to itself.
check: setup-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not vllm" $(PYTEST_ARGS) $(NONE)
	$(BIN)/python -m pytest -m vllm $(PYTEST_ARGS) $(NONE)

test: lint types programs vllm check

clean:
	rm -rf $(VENV) .venv-vllm shops artifacts .mypy_cache .pytest_cache .ruff_cache
