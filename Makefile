# Everything from a fresh checkout: `make demo` shows it at work, `make test` checks it.
# Both set up first; what is up to date is skipped. PYTHON=python3.12 chooses the interpreter.

BIN := .venv/bin

# One thread is as fast as two for one small question, and many idle ones steal from the camera.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE
# .venv brings its own ROS 2; a sourced one must not leak in.
unexport PYTHONPATH LD_LIBRARY_PATH AMENT_PREFIX_PATH RMW_IMPLEMENTATION

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint colcon clean

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup:  ## Create .venv: packages, ROS 2, our interfaces, the command `pixelrefer`
	@scripts/setup

demo: setup  ## Ask about a bag. Optional: BAG= TOPIC= QUERIES= MODEL= OUT=
	$(BIN)/pixelrefer demo $(if $(BAG),--bag "$(BAG)") $(if $(TOPIC),--topic "$(TOPIC)") \
	    $(if $(QUERIES),--queries "$(QUERIES)") $(if $(MODEL),--model "$(MODEL)") $(if $(OUT),--out "$(OUT)")

test: lint colcon  ## All checks: style, types, colcon build, tests
	$(BIN)/python -m pytest

lint: setup  ## Style (ruff) and types (mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# Not on Python 3.10, where the pinned NumPy and transformers have less exact types.
	if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then $(BIN)/mypy; fi

colcon: setup  ## Build with colcon, plain and --symlink-install, and use what it installs
	scripts/check_colcon

clean:  ## Remove .venv and everything built; what was trained stays in out/
	rm -rf .venv build install log out/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
