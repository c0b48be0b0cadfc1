# Every target works on a fresh clone: each makes the virtual environment first if it is not there.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# A test that fails is run once more, alone: what then passes was unsteady, and pytest's first summary names it.
# It is a defect to mend all the same; one that fails again fails the run.
tests = $(BIN)/pytest $(1) || $(BIN)/pytest --last-failed --last-failed-no-failures none

.DEFAULT_GOAL := help
.PHONY: help setup demo test programs prove lint bench readme lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything, and install Prometheus and Alertmanager where missing
	@$(BIN)/python -m obskit.stack.install

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation --editable .
	@# Once, on all cores: processes are started by the hundred, and where Python may write no bytecode, each would
	@# compile all of it.
	@$(BIN)/python -m compileall -q -j 0 .venv/lib obskit sample_services
	@touch $(READY)

demo: setup ## Start everything, break it twice, watch the pages; Ctrl-C ends it
	@$(BIN)/obskit demo

test: setup programs ## Run every test (twenty minutes or less on two cores)
	@$(call tests,--numprocesses 3 --dist loadfile --ignore tests/e2e --ignore tests/browser)
	@# Apart, for a browser takes the event loop of its process; two, for each waits for pages most of its time.
	@$(call tests,--numprocesses 2 --dist worksteal tests/browser)
	@# These load the whole machine, and look at how fast it answers: nothing else may run beside them.
	@$(call tests,tests/e2e)

programs: $(READY)
	@$(BIN)/python tests/install.py

prove: setup programs ## Run the long proofs; resumes where it stopped, writes prove/report-<date>.md
	@$(BIN)/python tests/prove.py

lint: $(READY) ## Check style, types and generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup programs ## Measure what obskit adds to a request, as ratios in one run; writes bench.json
	@$(BIN)/python tests/benchmarks/run.py

readme: setup ## Write the READMEs' tables from the code, and the demo's output from a run
	@$(BIN)/python tests/reference.py --demo

lock: ## Write constraints.txt anew from pyproject.toml
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet --disable-pip-version-check pip-tools
	build/lock/bin/pip-compile --quiet --extra dev --generate-hashes --strip-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
		--output-file constraints.txt pyproject.toml
	@# pip-tools writes the project itself by its path; the lock is about everything else
	@sed -i.bak -e '/^# WARNING: pip install/d' -e '/^# Consider using a hashable/d' -e '/^obskit-starter-kit @/d' constraints.txt && rm constraints.txt.bak
	@rm -rf build/lock
