# `make demo` and `make test` are the two commands; both set up .venv by themselves.

VENV := .venv
PYTHON ?=
PYTEST := $(VENV)/bin/python -m pytest
# Debian packages that the tests need beside Python: what OpenCV and torch link against, a browser, adb, Slurm, a compiler,
# and what builds the Android app.
SYSTEM_PACKAGES := libgcc-s1 libstdc++6 zlib1g chromium chromium-driver adb slurm-wlm munge \
	g++ openjdk-17-jdk-headless maven aapt android-framework-res zipalign apksigner dexdump
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.test-installed

.DEFAULT_GOAL := help
.PHONY: help demo apk test test-fast test-slow lint format system-deps clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

# With GOMP_SPINCOUNT threads that wait sleep sooner: less processor time in the same minutes.
demo: $(STAMP)  ## whole way on synthetic people: teacher, cache, student, .tflite; writes runs/demo/
	GOMP_SPINCOUNT=3000 $(VENV)/bin/distill-demo

apk: $(STAMP) system-deps  ## the benchmark app for Android: build/android/pose-distill-bench.apk
	$(VENV)/bin/python -m distill.commands.app_assets students/weights/people_xs.safetensors --out build/android/assets
	$(VENV)/bin/python mobile/android/build.py apk --assets build/android/assets --out build/android

test: system-deps  ## lint and every test: two at a time, then what needs the whole machine
	$(MAKE) test-fast
	$(MAKE) test-slow

test-fast: lint  ## lint and the quick tests, two at a time, one thread each
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadfile -m "not slow"

test-slow: $(TEST_STAMP)  ## the heavy tests (trainings, conversions), two at a time, and the whole demo by itself
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadfile -m "slow and not whole_machine"
	$(PYTEST) -m whole_machine

lint: $(TEST_STAMP)  ## ruff: rules and layout
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(TEST_STAMP)  ## let ruff mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

system-deps:  ## Debian packages that the tests need; installs only what is missing, and only as root
	@command -v dpkg-query >/dev/null || exit 0; \
	missing=; \
	for package in $(SYSTEM_PACKAGES); do \
		dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed \
			|| missing="$$missing $$package"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; } \
			|| echo "apt-get could not install:$$missing; the tests that need them will say so"; \
	else \
		echo "not installed:$$missing; ask for: sudo apt-get install$$missing"; \
	fi

$(STAMP): setup.cfg pyproject.toml constraints.txt
	@python=; \
	for name in $(or $(PYTHON),python3.11 python3.12 python3.13 python3); do \
		if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	[ -n "$$python" ] || { echo "no Python 3.11 or later found; install one or say: make PYTHON=/path/to/python"; exit 1; }; \
	[ -x $(VENV)/bin/python ] || $$python -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "$$python cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "installing into $(VENV) what the commands need: about 6 GB, some minutes"
	$(VENV)/bin/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(TEST_STAMP): $(STAMP)
	@echo "installing into $(VENV) what the tests need: about 2.6 GB more"
	$(VENV)/bin/python -m pip install --quiet -c constraints.txt -e '.[test]'
	@touch $@

clean:  ## remove .venv, runs and caches
	rm -rf $(VENV) runs build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
