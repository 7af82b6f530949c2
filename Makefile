# The commands of a checkout. Each does its own set-up: bash, make and a Python >= 3.11 are all that has to be there.
#
# The environment is .venv. Its stamps (.venv/.made, .venv/.run ...) are written last, so that an interrupted set-up
# starts again, and are older than pyproject.toml or constraints.txt when something has to be installed anew.

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test lint pins clean

# Looked for in this order: the pins of constraints.txt were made with the first.
PYTHON := python3.11 python3.12 python3.13 python3

# The caller's settings say where packages come from, and nothing else: no other target directory, no assert-less Python.
PIP_SOURCES := PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST PIP_PROXY PIP_CERT \
	PIP_CLIENT_CERT PIP_KEYRING_PROVIDER PIP_CONFIG_FILE PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_RETRIES PIP_TIMEOUT \
	PIP_DEFAULT_TIMEOUT PIP_ONLY_BINARY PIP_PREFER_BINARY
unexport $(filter PYTHON% __PYVENV_LAUNCHER__,$(.VARIABLES))
unexport $(filter-out $(PIP_SOURCES),$(filter PIP_%,$(.VARIABLES)))
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

run: .venv/.run ## Serve config.example.yaml on this machine (PORT=9000 for another port)
	.venv/bin/gateway serve --config config.example.yaml $(if $(PORT),--port $(PORT))

test: .venv/.test ## Run the tests (ARGS="-k ledger" for some of them)
	.venv/bin/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: .venv/.lint ## Check style, format, types and the direction of imports
	@failed=0; for check in "ruff check ." "ruff format --check ." "mypy" "lint-imports"; do \
		echo "==> $$check"; .venv/bin/$$check || failed=1; \
	done; exit $$failed

pins: ## Renew constraints.txt from a clean environment
	@echo "==> Resolving every group anew in build/pins (about half a minute)"
	@$(find_python) && rm -rf build/pins && "$$python" -m venv build/pins \
		&& build/pins/bin/python -m pip install --quiet --upgrade 'pip>=25.1' \
		&& build/pins/bin/python -m pip install --quiet . --group test --group lint --group bench \
		&& build/pins/bin/python -m pip freeze --exclude token-budget-gateway > build/pins/freeze \
		&& { echo '# Exact versions for development and the image: `make pins` renews them.'; cat build/pins/freeze; } \
			> constraints.txt && rm -rf build/pins

clean: ## Remove the environment, caches and builds (never ./data, the embedded store)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- the environment

# Starting it is part of the test: a version manager's shim may stand on the PATH with nothing behind it.
define find_python
python=; for name in $(PYTHON); do \
	if "$$name" -I -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		python=$$name; break; \
	fi; \
done; \
if [ -z "$$python" ]; then \
	echo "No Python 3.11 or newer with its venv module was found (looked for: $(PYTHON))." >&2; \
	echo "Install one (Debian and Ubuntu: with its -venv package) or name it: make PYTHON=/path/to/python3 ..." >&2; \
	exit 1; \
fi
endef

# Intact: finished, made in this place (a moved or copied checkout would run the old one's code), and its Python starts.
INTACT := $(shell [ "$$(cat .venv/.made 2>/dev/null)" = "$$(pwd -P)" ] && .venv/bin/python -I -c '' 2>/dev/null && echo yes)
ifneq ($(INTACT),yes)
.PHONY: .venv/.made
endif

.venv/.made:
	@$(find_python); echo "==> Making .venv with $$("$$python" -V)" \
		&& "$$python" -m venv --clear .venv \
		&& .venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1' \
		&& pwd -P > .venv/.made

GROUP :=
.venv/.test: GROUP := --group test
.venv/.lint: GROUP := --group lint
.venv/.run .venv/.test .venv/.lint: .venv/.made pyproject.toml constraints.txt
	@echo "==> Installing the gateway $(GROUP)"
	@set -o pipefail; .venv/bin/python -m pip install --constraint constraints.txt --editable . $(GROUP) \
		| { grep --line-buffered -oE '^(Collecting [^ ]+|Installing collected packages|Successfully installed)' || true; }
	@touch $@
