# Everything happens in make.py, so that `python make.py lab` does the same where there is no make.
#   make lab                      the first lesson, in JupyterLab
#   make test                     all tests;  make test ARGS="-k metrics" some of them
#   make mutants                  how many mistakes the checks see;  ARGS="jaccard decay" of some
#   make fuzz                     1,000 damaged files for each reader;  FUZZ_SEED=1 other ones
#   make lab CPU=1                on Linux, PyTorch without 5 GB of libraries for NVIDIA cards
#   make lab PYTHON=python3.12    with another Python

PYTHON ?= python3
ARGS ?=
CPU ?=

.PHONY: lab test setup mutants fuzz test-lowest lock
lab test setup mutants fuzz test-lowest lock:
	@command -v "$(PYTHON)" >/dev/null || { echo "No $(PYTHON) here. Install Python 3.11 or newer."; exit 1; }
	@"$(PYTHON)" make.py $@ $(if $(CPU),--cpu) $(ARGS)
