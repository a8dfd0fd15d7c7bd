# Everything that one does here. Each target sets up first; a second `make setup` does nothing.

PYTHON_IN_VENV = .venv/bin/python
PYTEST = $(PYTHON_IN_VENV) -m pytest
export APPRENTICE_DATA ?= ../shared/data
export PYRIGHT_PYTHON_IGNORE_WARNINGS = 1 # else pyright asks the network for a newer one

.PHONY: help setup demo test quick soak check bench lock

help:
	@echo 'make setup   the environment in .venv, from a complete lock file'
	@echo 'make demo    the pocket world, all stages, into runs/pocket'
	@echo 'make test    every test but those for GPUs and the long ones: at most 15 minutes'
	@echo 'make quick   the tests that start nothing heavy: a few minutes'
	@echo 'make soak    the long tests, more than an hour; PARTS="chaos gsm8k" for some,'
	@echo '             SECONDS=1500 SEED=abc for a choice that fits the time'
	@echo 'make check   ruff and pyright'
	@echo 'make bench   benchmarks as JSON lines; ONLY=name for one'
	@echo 'make lock    make requirements/*.txt anew from requirements/*.in'

setup:
	@bash scripts/setup.sh

demo: setup
	$(PYTHON_IN_VENV) -m pipeline run pocket --run-dir runs/pocket

test: setup
	bash scripts/test.sh

quick: setup
	$(PYTEST) -m "not ray and not vllm and not train and not serve and not browser and not gpu and not slow"

soak: setup
	$(PYTHON_IN_VENV) -m tests.soak $(PARTS) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED))

check: setup
	$(PYTHON_IN_VENV) -m ruff check
	$(PYTHON_IN_VENV) -m ruff format --check
	$(PYTHON_IN_VENV) -m pyright

bench: setup # standard output holds JSON lines and nothing else
	@$(PYTHON_IN_VENV) -m tests.benchmarks $(ONLY)

# Pins that stand are kept where they still fit; `make lock UPGRADE=--upgrade` takes the newest.
# torch's CPU build lies on PyTorch's own index; where pip has a wheel directory, that serves.
# triton (1 GB) serves GPUs only; xgrammar lists it, and everything runs without it on CPUs.
# In cuda.txt torch is pinned by ===, as == would also take a +cpu build out of such a directory.
COMPILE = uv pip compile $(UPGRADE) --quiet --python-version 3.11 \
	--python-platform x86_64-manylinux_2_28 --overrides overrides.txt --no-annotate \
	--custom-compile-command "make lock"
TORCH_CPU = $(if $(PIP_FIND_LINKS),$(addprefix --find-links ,$(PIP_FIND_LINKS)),--torch-backend cpu)

lock:
	@set -e; venv=$$(mktemp -d); trap 'rm -rf "$$venv"' EXIT; \
	$${PYTHON:-python3.11} -m venv "$$venv"; \
	"$$venv/bin/pip" install --quiet uv==0.13.8; \
	PATH="$$venv/bin:$$PATH"; cd requirements; \
	$(COMPILE) cpu.in $(TORCH_CPU) --no-emit-package triton -o cpu.txt; \
	$(COMPILE) cuda.in -o cuda.txt; \
	sed -i 's/^torch==/torch===/' cuda.txt
