# The verbs of this repository. Each first makes the machine ready (tools/setup/setup.sh), which takes no time when it is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export PATH := $(CURDIR)/.venv/bin:$(PATH)

PRESET ?= $(if $(CI),ci,default)
JOBS ?= $(shell nproc)
DURATION ?=
# One ninja at a time in a build folder, so that two terminals do not build over each other.
ninja = flock $(1)/.lock ninja -C $(1) -j$(JOBS) $(if $(VERBOSE),-v,--quiet)

.PHONY: build demo test lint lint-all format bench fuzz soak hostile asan tsan setup clean help
.DEFAULT_GOAL := build

build: setup build/build.ninja ## build everything into build/
	@$(call ninja,build)

demo: setup build/build.ninja ## three languages on live data of this machine; DURATION=10 stops by itself
	@$(call ninja,build) products
	@exec .venv/bin/python examples/system_monitor/run.py $(if $(DURATION),--duration $(DURATION))

test: setup-test ## build, lint and every test
	@$(MAKE) --no-print-directory build/build.ninja
	@$(call ninja,build)
	@tools/dev/test

lint: setup-test build/build.ninja ## formatting, static checks, types; clang-tidy on what changed since it last passed
	@$(call ninja,build) generated
	@.venv/bin/python tools/dev/lint.py

lint-all: setup-test build/build.ninja ## the same without trusting earlier results, and clang-tidy for tests and examples too
	@$(call ninja,build) generated
	@.venv/bin/python tools/dev/lint.py --all

format: setup-test ## format every language's sources in place
	@.venv/bin/python tools/dev/lint.py --fix

bench: setup-bench ## measure against raw iceoryx and ZeroMQ on this machine
	@cmake --preset bench >build/configure.log || { cat build/configure.log; exit 1; }
	@$(call ninja,build) all bench_programs
	@tools/dev/bench

fuzz: setup-fuzz ## each fuzzer for DURATION seconds (default 60)
	@cmake --preset fuzz >/dev/null
	@$(call ninja,build-fuzz) fuzzers
	@tools/dev/fuzz $(or $(DURATION),60)

soak: setup-test build ## 30,000 kills, then traffic at full rate for DURATION seconds; writes docs/reliability.md
	@exec .venv/bin/python tests/soak/run.py --record $(if $(DURATION),--duration $(DURATION))

hostile: setup-test build ## damaged messages and bundles in every language, under sanitizers; MESSAGES=1000000 BUNDLES=100000
	@cmake --preset asan >/dev/null && $(call ninja,build-asan) sanitized_tests
	@exec .venv/bin/python tests/hostile/run.py --record --messages $(or $(MESSAGES),50000) --bundles $(or $(BUNDLES),5000)

asan tsan: setup-test ## the same tests under sanitizers alone, in build-asan/ or build-tsan/
	@tools/dev/test $(if $(filter asan,$@),asan asan-python asan-node,$@)

setup: ## install what is missing, nothing else
	@tools/setup/setup.sh build
setup-test setup-bench setup-fuzz: setup-%:
	@tools/setup/setup.sh $*

# Again when the preset changes; new and removed source files are noticed by ninja itself.
build/build.ninja: | setup
	@mkdir -p build
	@cmake --preset $(PRESET) >build/configure.log || { cat build/configure.log; exit 1; }

clean: ## remove what was built; .venv/ and node_modules/ stay
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z -]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
