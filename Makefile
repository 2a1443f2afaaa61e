PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= build/demo
export MLFLOW_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := True

export PYTHONHASHSEED := 0

.PHONY: install install-spark demo test check lock docs accuracy worlds-compare evenings trust-load trust-fuzz demo-lists clean

# Bytecode is written at install even where the environment tells pip and Python not to: without it a start of this package compiles for ten seconds.
install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
	$(BIN)/python -m features.networks.compile
	@touch $@

# Spark is an extra: half a gigabyte that one machine does not need.
install-spark: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock

demo: install
	$(BIN)/xiezhi demo --dir $(DEMO)

# A file's tests stay with one worker, so what its fixtures make is made once; tests/worlds.py is shared by all.
test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:
	uv pip compile --no-header --no-annotate --no-emit-index-url --generate-hashes --python-version 3.11 pyproject.toml --group dev -o requirements.lock
	uv pip compile --no-header --no-annotate --no-emit-index-url --generate-hashes --python-version 3.11 pyproject.toml --group dev --extra spark -o requirements-spark.lock

docs: install
	$(BIN)/python -m features.docs

# About a quarter of an hour on one core; done steps are kept in build/accuracy, and a part can be run alone (see benchmarks/accuracy.py).
accuracy: install
	$(BIN)/python -m benchmarks.accuracy

# Empty beds on the thirty evenings after a fit of each county; kept in build/accuracy.
evenings: install
	$(BIN)/python -m benchmarks.evenings

# Ten thousand of schemathesis's cases as every role: a quarter of an hour of one core.
trust-fuzz: install
	$(BIN)/python -m tests.serving.attack.fuzz
	$(BIN)/python -m benchmarks.desk_review

# Own counties beside those nobody here made; kept in build/accuracy/compare.
worlds-compare: install
	$(BIN)/python -m benchmarks.worlds_compare

# Officers at the desk on a copy of the demo's warehouse: twenty minutes, and a minute for the commands.
trust-load: demo-lists
	$(BIN)/python -m benchmarks.desk_load $(DEMO)/warehouse-*
	$(BIN)/python -m benchmarks.desk_cli $(DEMO)/warehouse-* --top 20
	$(BIN)/python -m benchmarks.desk_page

demo-lists: install
	$(BIN)/xiezhi demo --dir $(DEMO) --no-serve

clean:
	rm -rf build $(VENV)
