# make run    set up, execute the notebooks in order, write the report
# make test   set up, run the tests (20 minutes at most; make unit: 2, make test-all: every test)
# make lint   style, spelling, docstrings, and rules of the notebooks
# make bench  set up, measure, write bench.json
# make recipe train every try of the search for the recipe of quick, write docs/recipe.csv and docs/recipe.md (hours)
# make results  the tables of the published runs in docs/results.md, from docs/results/<run>/
# make seeds  train with SEEDS=0,1,2,3,4: each test accuracy, their range, mean and 95% interval
# make lab    set up, open JupyterLab       make stamp  write REPOSITORY=https://github.com/owner/name into badges
# make ready  the ready-made results of voices, notebooks/ready/voices.zip (minutes, where they must be made)
# make predict  what a trained network hears in RECORDINGS=/folder, with MODEL=artifacts/.../model.keras, as a table
# make slides  docs/slides/course.html from course.md
# make student, make teacher  copies of the notebooks without and with the solutions, in artifacts/ or TO=folder
#
# make run takes DATASET=voices|folder|crema-d|...  DATA_DIR=/path  NAME=name  PROFILE=quick|paper
#                ARTIFACTS=/path  OVERRIDES="epochs=5, batch_size=16"
#                OTHER_DATASET=emodb OTHER_DATA_DIR=/path (the trained network on a second corpus)
#                LABELS=exact|decade|"age group"|gender  SPLIT_METHOD=random|speaker  SMALL_CLASSES="leave out"|merge
#                FILE_PATTERN='(?P<label>\d)_(?P<speaker>[a-z]+)_\d+' (DATASET=folder: what the files' names say)
#                RECORDING=/path/to/your/voice.wav

PYTHON ?= python3
VENV ?= .venv
# Exact versions for pip, such as CONSTRAINTS=.ci/colab-2026-08.txt
CONSTRAINTS ?=

export DATASET DATA_DIR NAME PROFILE ARTIFACTS OVERRIDES LABELS SPLIT_METHOD SMALL_CLASSES FILE_PATTERN \
       OTHER_DATASET OTHER_DATA_DIR RECORDING SEEDS REPOSITORY RECORDINGS MODEL OUT

BIN := $(VENV)/bin
# Two tests at once; tests/conftest.py says which ones share a process.
AT_ONCE := -n 2 --dist loadgroup --no-loadscope-reorder
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))

PURELIB := -c "import sysconfig; print(sysconfig.get_path('purelib'))"

.PHONY: run seeds ready recipe results slides predict test test-all unit lint bench lab stamp student teacher clean
.DEFAULT_GOAL := run

run: $(VENV)/run.installed
	@$(BIN)/python -m helpers.suite.run

seeds: $(VENV)/run.installed
	@$(BIN)/python -m helpers.suite.run seeds

ready: $(VENV)/run.installed
	@$(BIN)/python -m helpers.suite.ready

test: $(VENV)/test.installed $(VENV)/stacks/classic.installed $(VENV)/stacks/lab.installed
	$(BIN)/python -m pytest $(AT_ONCE) -m "not long"

test-all: $(VENV)/test.installed $(VENV)/stacks/classic.installed $(VENV)/stacks/lab.installed
	$(BIN)/python -m pytest $(AT_ONCE)

unit: $(VENV)/test.installed
	$(BIN)/python -m pytest $(AT_ONCE) -m "not slow and not long"

lint: $(VENV)/test.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python -m helpers.suite.notebooks lint

recipe: $(VENV)/run.installed
	@$(BIN)/python -m helpers.suite.recipe

results: $(VENV)/run.installed
	@$(BIN)/python -m helpers.suite.results

slides: $(VENV)/run.installed
	@$(BIN)/python -m helpers.suite.slides

predict: $(VENV)/run.installed
	@$(BIN)/python -m helpers.suite.predict

bench: $(VENV)/test.installed $(VENV)/stacks/classic.installed $(VENV)/stacks/lab.installed
	$(BIN)/python -m helpers.suite.bench
	PYTHONPATH=.:tests $(BIN)/python tests/bench_display.py

lab: $(VENV)/lab.installed
	$(BIN)/jupyter lab notebooks

# These need no environment, and any Python.
stamp:
	@$(PYTHON) -m helpers.suite.stamp

student teacher:
	@$(PYTHON) -m helpers.suite.copies $@ $(if $(TO),"$(TO)")

$(VENV)/run.installed: requirements.txt $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else f"Python 3.11, 3.12 or 3.13 is needed, but $(PYTHON) is {v[0]}.{v[1]}: name another with make PYTHON=python3.13 ...")'
	@echo "setting up $(VENV) with $$($(PYTHON) --version), some minutes the first time"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/test.installed: $(VENV)/run.installed tests/requirements.txt
	@$(INSTALL) -r tests/requirements.txt
	@touch $@

# Two Jupyters to try the widgets in, each in an environment that sees everything else in $(VENV).
$(VENV)/stacks/%.installed: tests/stacks/%.txt $(VENV)/test.installed
	@$(BIN)/python -m venv --clear $(VENV)/stacks/$*
	@$(VENV)/stacks/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@$(BIN)/python $(PURELIB) >$$($(VENV)/stacks/$*/bin/python $(PURELIB))/everything_else.pth
	@touch $@

$(VENV)/lab.installed: $(VENV)/run.installed
	@$(INSTALL) "jupyterlab>=4,<5"
	@touch $@

clean:
	rm -rf $(VENV) artifacts
