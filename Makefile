# Every target makes its own environment in .venv from the hash-locked requirements; nothing else is needed.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Share of lines and branches of e2ee/ that the tests must execute, in percent.
COVER_MIN := 100
# Test processes at a time: two more than the cores that are asked for, as browsers, relays and disks are waited for.
JOBS ?= 4

# The newest Python that can make an environment; PYTHON=/path/to/python overrides the choice.
CANDIDATES := python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do \
  if $$p -c 'import ensurepip, venv' >/dev/null 2>&1; then command -v $$p; break; fi; done)

VENV := .venv
PY := $(VENV)/bin/python
LOCK := requirements/dev.txt
# One stamp per lock file and Python, one per package description: a change of either remakes just what depends on it.
KEY_OF = $(shell test -n "$(PYTHON)" && $(PYTHON) -c 'import hashlib, pathlib, sys; \
  print(hashlib.sha256(sys.version.encode() + pathlib.Path(sys.argv[1]).read_bytes()).hexdigest()[:16])' $(1))
LOCKED := $(VENV)/locked-$(call KEY_OF,$(LOCK))
READY := $(VENV)/ready-$(call KEY_OF,pyproject.toml)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Programs that the tests start read compiled modules, also where the caller keeps none.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help native native-run native-test bench-native bench-native-run bench-peers-native bench-peers-native-run bench-run demo room test check bench bench-growth bench-web bench-peers bench-peers-run prove prove-run audit spec lock clean venv audit-run sbom sbom-run docs docs-run misreadings web web-build

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

venv: $(READY) ## make the environment only

$(LOCKED): $(LOCK)
	@if [ -z "$(PYTHON)" ]; then \
	  found=$$(for p in $(CANDIDATES); do if $$p -c '' >/dev/null 2>&1; then echo $$p; break; fi; done); \
	  if [ -n "$$found" ]; then echo "$$found cannot make environments. On Debian: apt install $$found-venv"; \
	  else echo "No Python 3.11 or newer was found. On Debian: apt install python3 python3-venv"; fi >&2; exit 1; fi
	@echo "==> making $(VENV) with $(PYTHON) from $(LOCK) (about a minute)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --require-hashes --only-binary=:all: -r $(LOCK)
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	@echo "==> installing this checkout into $(VENV)"
	@rm -f $(VENV)/ready-*
	@$(PY) -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# The libraries of client/web, installed once for each lock file by the node of the wheel.
WEB := $(PY) tests/support/web_packages.py

web: $(READY)
	@$(WEB)

web-build: $(READY) web ## build launcher and room for browsers into build/web; says their sizes
	@$(WEB) build

room: $(READY) web ## a relay, a practice, two desks and a web page on this machine, until a key is pressed
	@$(PY) -m demo.web_room

demo: $(READY) ## tell the story of a room through a real relay and search the relay for it (FILE=text LEAKY=1)
	@$(PY) -m demo $(if $(FILE),--file "$(FILE)") $(if $(LEAKY),--leaky)

test: $(READY) web ## run all tests; all lines and branches of e2ee/ must be executed
	@test -d tests/web/__pycache__ || { echo "==> compiling the tests, once for all processes"; \
	  ls -d tests/*/ | xargs -P 2 -n 16 $(PY) -m pytest --collect-only -q >/dev/null || true; }
	@echo "==> pytest, $(JOBS) processes"
	@$(PY) -m pytest -n $(JOBS) --hypothesis-profile=full --durations=10 \
	  --cov=e2ee --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=$(COVER_MIN)

check: $(READY) ## lint, format, types (mypy, pyright), import contracts, generated pages, specification
	@failed=""; \
	step() { echo "==> $$1"; shift; "$$@" || failed="$$failed $$1"; }; \
	step "ruff check" $(PY) -m ruff check . ; \
	step "ruff format --check" $(PY) -m ruff format --check . ; \
	step "mypy" $(PY) -m mypy ; \
	step "pyright" $(PY) -m pyright --pythonpath $(PY) ; \
	step "import contracts" $(VENV)/bin/lint-imports ; \
	for one in error_table reference_pages desk_messages; do step "$$one" $(PY) tests/support/$$one.py; done ; \
	step "specification" $(PY) tests/support/spec_lint.py ; \
	step "claims" $(PY) -m audit.chapter ; \
	step "typescript" $(WEB) check ; \
	if [ -n "$$failed" ]; then echo "==> the checks found something" >&2; exit 1; fi

bench: ## measure each path beside its floor; writes bench/results/latest.json, a table and a picture (NATIVE=1: the core, compiled)
	@$(MAKE) --no-print-directory $(if $(NATIVE),bench-native,bench-run)

bench-run: $(READY)
	@echo "==> pytest-benchmark (a few minutes; close what else is running)"
	@mkdir -p reports
	@$(PY) -m pytest bench --benchmark-enable --benchmark-only --benchmark-json=reports/bench-raw.json -q
	@$(PY) bench/report.py reports/bench-raw.json

bench-growth: $(READY) ## measure how cost grows with contacts, rooms, mailboxes (ARGS="--only relay --most 10000")
	@PYTHONPATH=tests/support $(PY) -m bench.growth $(ARGS)

bench-web: $(READY) web ## measure what a person waits for in a browser (ARGS="--only scroll --rounds 30 --keep")
	@PYTHONPATH=tests/support $(PY) -m bench.web $(ARGS)

# The peers go into an environment of their own, each by itself: what does not install is left out, with its reason.
PEERS := .venv-peers
PEER_BENCHES := $(patsubst bench/peers/%/__main__.py,%,$(wildcard bench/peers/*/__main__.py))
PEERS_READY = $(VENV)/peers-$(call KEY_OF,requirements/peers.txt)

bench-peers: ## measure beside vodozemac, libsignal and others, and the relay beside brokers (ONLY=crypto or relay; NATIVE=1)
	@$(MAKE) --no-print-directory $(if $(NATIVE),bench-peers-native,VENV=$(PEERS) bench-peers-run)

bench-peers-run: $(READY)
	@test -e $(PEERS_READY) || { echo "==> installing the peers"; $(PY) bench/peers/install.py && touch $(PEERS_READY); }
	@for part in $(or $(ONLY),$(PEER_BENCHES)); do PYTHONPATH=tests/support $(PY) -m bench.peers.$$part || exit 1; done

# The compiled wheel stands in an environment of its own; nothing there is found through the checkout. WHEEL=native or
# pure builds another kind; where it cannot be compiled, `best` is native or pure as a whole.
NATIVE_VENV := .venv-native
IN_NATIVE := VENV=$(NATIVE_VENV) LOCK=requirements/native.txt
WHEEL ?= best
WHEELS := build/wheels

native: ## build the compiled wheel (needs cc, libsodium-dev) into .venv-native, and say what runs there (WHEEL=native, pure)
	@$(MAKE) --no-print-directory $(IN_NATIVE) native-run

native-run: $(LOCKED)
	@rm -rf $(WHEELS) && SEALROOM_WHEEL=$(WHEEL) $(PY) -m hatchling build --target wheel --directory $(WHEELS)
	@$(PY) -m pip install --quiet --no-index --no-deps --force-reinstall $(WHEELS)/*.whl
	@$(PY) release/wheel_contents.py $(WHEELS)/*.whl
	@cd / && $(abspath $(VENV))/bin/sealroom --version

# The folder has a link to bench/ and no package of ours, so that what is measured is what was installed.
NATIVE_BENCH := build/bench
NATIVE_RESULTS := bench/results/native
ON_NATIVE = PYTHONPATH=$(NATIVE_BENCH):tests/support $(PY) -P
CORE_BENCHES := burst ping_pong fan_out

bench-native bench-peers-native: native
	@mkdir -p $(NATIVE_BENCH) && ln -sfn ../../bench $(NATIVE_BENCH)/bench
	@$(MAKE) --no-print-directory $(IN_NATIVE) $@-run

bench-native-run:
	@$(ON_NATIVE) -m pytest $(CORE_BENCHES:%=bench/test_%.py) -q --benchmark-enable --benchmark-only \
	  --benchmark-json=$(NATIVE_BENCH)/raw.json
	@$(ON_NATIVE) bench/report.py $(NATIVE_BENCH)/raw.json --results $(NATIVE_RESULTS)

bench-peers-native-run:
	@test -e $(PEERS_READY) || { echo "==> installing the peers"; $(PY) bench/peers/install.py && touch $(PEERS_READY); }
	@$(ON_NATIVE) -m bench.peers.crypto --results $(NATIVE_RESULTS)

# At most ten minutes each on an idle machine with two cores.
KINDS ?= compiled native pure
KEEP ?= --keep

native-test: ## run the tests of vectors, negatives, properties, secrecy, store and client against each kind of wheel (KINDS=, KEEP=, TESTS=)
	@for kind in $(KINDS); do $(MAKE) --no-print-directory native WHEEL=$$kind || exit 1; \
	  $(NATIVE_VENV)/bin/python tests/support/native_installed.py $(KEEP) $(TESTS) || exit 1; done

# An environment of its own, so that the tools of the audit do not stand in that of development.
AUDIT := VENV=.venv-audit LOCK=requirements/audit.txt

prove: ## check the models with SPASS and TLC (Debian: spass, default-jre-headless); reports/prove.md
	@$(MAKE) --no-print-directory $(AUDIT) prove-run

prove-run: $(READY)
	@$(PY) spec/models/prove.py

audit: ## rerun the evidence of every claim; a dated report under reports/ (QUICK=1 RESUME=1 ONLY=step,step)
	@$(MAKE) --no-print-directory $(AUDIT) audit-run

audit-run: $(READY)
	@$(PY) -m audit $(if $(QUICK),--quick) $(if $(RESUME),--resume) $(if $(ONLY),--only "$(ONLY)")

sbom: ## list the libraries of client, desk, relay, development and within wheels as CycloneDX 1.6, under reports/
	@$(MAKE) --no-print-directory $(AUDIT) sbom-run

sbom-run: $(READY)
	@$(PY) -m audit.sbom

docs: ## build the site of docs/ into build/docs; a warning, or a part from elsewhere, is an error
	@$(MAKE) --no-print-directory VENV=.venv-docs LOCK=requirements/docs.txt docs-run

docs-run: $(READY)
	@$(PY) tests/support/site_build.py

misreadings: $(READY) ## count which misreadings of the chapters the vectors catch (5 min); reports/misreadings.json
	@$(PY) tests/support/misreadings.py

spec: $(READY) ## regenerate the generated parts of specification and reference
	@$(PY) tests/support/error_table.py --write
	@$(PY) tests/support/reference_pages.py --write
	@$(PY) tests/support/desk_messages.py --write
	@$(PY) -m audit.chapter --write
	@$(PY) tests/support/spec_lint.py --write

lock: $(READY) ## resolve requirements/*.txt anew (asks the package index)
	@$(PY) tests/support/lock_requirements.py

clean: ## remove environments, caches, and what runs left behind but the kept reports
	rm -rf client/web/node_modules .venv .venv-audit .venv-peers .venv-docs .venv-native .cache build dist reports/raw reports/*.log reports/bench-raw.json reports/sbom* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
