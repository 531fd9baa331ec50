.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: help install run test torture check bench messages schema promise clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: .venv/installed locale/ko/LC_MESSAGES/django.mo ## Make the virtual environment and install what is pinned

.venv/installed: requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed; name another with make PYTHON=…"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

%.mo: %.po .venv/installed
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@ --locale ko

run: install ## Run the shop, its worker and the KakaoPay sandbox, with demo goods; a month later with LATER=31
	@$(BIN)/python -m config.run --check
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py load_demo
	@$(BIN)/python -m config.run

# These kill processes, or print what they tried: one after the other.
ALONE := tests/killing tests/faults tests/properties tests/renewing

test: install ## Run every test, on a real PostgreSQL, a real sandbox and a real browser
	$(BIN)/python -m pytest -n auto --dist loadfile $(addprefix --ignore=,$(ALONE))
	$(BIN)/python -m pytest $(ALONE)

KILLS ?= 500
RENEWALS ?= 1000
MONTHS ?= 24
DUE ?= 100000
STEPS ?= 20000
CARTS ?= 5000
PAYMENTS ?= 10000
ROWS ?= 200000
ORDERS ?= 1000000
EXPORTS ?= 200000
CASES ?= 5000

torture: install ## Kill the web process and workers at random, live random lives, try the API with anything, compare big books, and open long lists; takes long
	$(BIN)/python -m tests.killing --kills $(KILLS)
	$(BIN)/python -m tests.renewing --memberships $(RENEWALS) --months $(MONTHS)
	$(BIN)/python -m tests.volume.memberships --due $(DUE)
	CARTS=$(CARTS) $(BIN)/python -m pytest -q -n auto tests/orders/test_pricing_properties.py tests/sandbox/test_quotes.py
	STEPS=$(STEPS) $(BIN)/python -m pytest -q tests/properties
	$(BIN)/python -m tests.contract --cases $(CASES)
	$(BIN)/python -m tests.volume --payments $(PAYMENTS) --rows $(ROWS) --orders $(ORDERS) --exports $(EXPORTS)

check: install ## Check format, lint, types, import contracts, migrations and translations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	DJANGO_SETTINGS_MODULE=config.settings $(BIN)/mypy config checkout orders shop accounts api bench manage.py
	DJANGO_SETTINGS_MODULE=sandbox.settings $(BIN)/mypy sandbox
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check

bench: install ## Measure queries, time and size per request, and print them
	$(BIN)/python -m bench

messages: install ## Collect strings to translate (needs GNU gettext)
	$(BIN)/python manage.py makemessages --locale ko --no-location --no-obsolete --ignore .venv --ignore var --ignore sandbox --ignore tests

schema: install ## Write docs/openapi.yaml anew
	@SITE_URL=http://localhost:8000 $(BIN)/python manage.py spectacular --lang en --validate --fail-on-warn --file docs/openapi.yaml

promise: schema ## Promise clients what the API is now; refused where it breaks what was promised
	@$(BIN)/python -m tests.contract.breaking docs/openapi-promised.yaml docs/openapi.yaml
	@cp docs/openapi.yaml docs/openapi-promised.yaml

clean: ## Remove the virtual environment and all local data
	rm -rf .venv var
