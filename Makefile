# What a newcomer needs: `make run` and `make test`. Both set up what is missing, once.
SHELL  := /bin/bash
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python3.10,$(shell command -v $(p))) python3)
VENV   := .venv
BIN    := $(VENV)/bin
SUDO   := $(if $(filter 0,$(shell id -u)),,sudo)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## Open the dashboard on live data (ARGS="-b -n 3" for other modes)
	@$(SUDO) $(BIN)/tcpconntop $(ARGS)

# Some tests wait: there are more workers than cores, each with a network namespace of its own. Python is started some
# hundred times: it has to keep what it compiles.
WORKERS ?= $(shell echo $$(((5 * $$(nproc) + 1) / 2)))
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest
.PHONY: test
test: setup $(VENV)/.test ## Run every test that this kernel allows (ARGS="-k name", ARGS=--long: in full length)
	@$(SUDO) $(PYTEST) -n $(WORKERS) --dist loadgroup $(if $(filter-out --long,$(ARGS)),,--every-way) $(ARGS)

.PHONY: image
image: setup bcc ## Compile the BPF programs for bpf/image/ anew, after a change of bpf/
	@$(SUDO) scripts/make-image $(BIN)/python

.PHONY: goldens
goldens: setup $(VENV)/.test ## Write the screens that tests compare with anew: look at `git diff` then
	@$(PYTEST) tests/tui/test_screens.py tests/tui/test_snapshots.py --long --snapshot-update -q

.PHONY: test-kernels
test-kernels: setup $(VENV)/.kernels ## Run the live tests on other kernels, in virtual machines (KERNELS="6.1 6.12-arm64")
	@$(BIN)/python tests/kernels/run.py $(ARGS)

# With KERNEL=6.12 PROBE=fentry (or kprobe): in a virtual machine.
.PHONY: mutants
mutants: setup $(VENV)/$(if $(KERNEL),.kernels,.test) ## Run the live tests against a faulty BPF program (ARGS="scope" chooses faults)
	@$(if $(KERNEL),$(BIN)/python tests/kernels/run_mutants.py $(KERNEL) $(PROBE),$(SUDO) $(BIN)/python tests/mutants/run.py) $(ARGS)

.PHONY: teeth
teeth: setup $(VENV)/.test ## Take each protection out and show that its test fails (ARGS=Landlock: those with this word)
	@$(SUDO) $(BIN)/python tests/unit/teeth.py $(ARGS)

# With KERNEL=6.1: the tracing alone, in a virtual machine, where kprobes and other tracers work.
.PHONY: bench
bench: setup $(VENV)/$(if $(KERNEL),.kernels,.bench) ## Measure what it costs, beside other programs (ARGS=--quick)
	@$(if $(KERNEL),,$(BIN)/python -m tests.bench.run $(ARGS))
	@$(if $(KERNEL),$(BIN)/python tests/kernels/run_bench.py $(KERNEL),$(SUDO) $(BIN)/python -m tests.bench.peers) $(ARGS)

SOAK_S ?= 3600
.PHONY: soak
soak: setup ## Run the dashboard under load for an hour: nothing grows, all is counted (SOAK_S=180: shorter)
	@$(SUDO) $(BIN)/python -m tests.bench.soak --seconds $(SOAK_S) $(ARGS)

.PHONY: check
check: $(VENV)/.check ## Lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy screenshots
	$(BIN)/lint-imports

.PHONY: dist
dist: setup $(VENV)/.dist ## Build the source distribution and the wheel
	@rm -f dist/*.whl dist/*.tar.gz
	@$(BIN)/python -m build --outdir dist .

.PHONY: man
man: setup $(VENV)/.dist ## Make the man page, dist/tcpconntop.1
	@mkdir -p dist
	@packaging/man/make-man $(BIN)/python dist/tcpconntop.1

# Python 3.11 is Debian bookworm's, 3.12 Ubuntu noble's, 3.13 Debian trixie's.
DEB_PYTHON ?= 3.11 3.12 3.13
.PHONY: deb
deb: dist man ## Build Debian packages, dist/*.deb (DEB_PYTHON="3.13": for one version of Python)
	@for version in $(DEB_PYTHON); do \
	    packaging/deb/make-deb $(BIN)/pip dist/*.whl dist/tcpconntop.1 $$version dist || exit 1; done

.PHONY: zipapp
zipapp: dist ## Build single files, dist/*.pyz (DEB_PYTHON="3.13": for one version of Python)
	@for version in $(DEB_PYTHON); do packaging/zipapp/make-zipapp $(BIN)/pip $(BIN)/shiv dist/*.whl $$version dist || exit 1; done

.PHONY: oci
oci: deb ## Build an OCI image, dist/tcpconntop-oci.tar, of Debian trixie and the package
	@$(SUDO) packaging/oci/make-oci dist/tcpconntop_*~py3.13_*.deb dist

.PHONY: test-install
test-install: deb zipapp oci ## Install what was built as users do, and run it (ARGS="-k name")
	@$(SUDO) env TCPCONNTOP_TEST_DIST=dist $(BIN)/python -m pytest tests/install $(ARGS)

.PHONY: setup
setup: $(VENV)/.run

# The distribution's BCC: PyPI's package of that name is an unrelated program.
.PHONY: bcc
bcc:
	@scripts/need-bcc

$(VENV)/.run: pyproject.toml requirements/run.txt tcpconntop/__init__.py
	@scripts/make-venv $(PYTHON) $(VENV)
	@scripts/install-locked $(BIN)/pip requirements/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@$(BIN)/python -m compileall -q -j 0 tcpconntop # where Python keeps no byte code, each start would compile
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@scripts/need-bcc
	@$(BIN)/pip install --quiet --disable-pip-version-check --group test
	@scripts/need-package bpftool fish zsh nftables
	@scripts/need-promtool $(BIN)
	@# pytest compiles the tests when they are first read: once, on two cores, instead of in each worker.
	@for part in tests/unit "tests/live tests/tui tests/kernels"; do $(PYTEST) --collect-only -q $$part >/dev/null & done; wait
	@touch $@

$(VENV)/.kernels: $(VENV)/.test
	@$(BIN)/pip install --quiet --disable-pip-version-check --group kernels
	@scripts/need-package qemu-system-$(if $(filter x86_64,$(shell uname -m)),x86,arm) busybox-static kmod file binutils
	@scripts/need-package qemu-system-arm mmdebstrap || echo "test-kernels: the guest with arm64 will not run" >&2
	@touch $@

$(VENV)/.dist: $(VENV)/.test
	@scripts/need-package groff-base python3-venv mmdebstrap umoci
	@$(BIN)/pip install --quiet --disable-pip-version-check --group dist
	@touch $@

$(VENV)/.bench: $(VENV)/.run
	@$(BIN)/pip install --quiet --disable-pip-version-check --group bench
	@touch $@

$(VENV)/.check: $(VENV)/.test
	@$(BIN)/pip install --quiet --disable-pip-version-check --group check
	@touch $@

.PHONY: lock
lock: setup ## Choose new versions of what is installed to run, and write their hashes to requirements/run.txt
	@$(BIN)/python scripts/lock $(BIN)/pip

.PHONY: clean
clean: ## Remove what was set up here
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
