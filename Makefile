# SPDX-License-Identifier: Apache-2.0
#
# The way in: each goal sets up what it needs. CMakeLists.txt says how things are built.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
TESTS ?=
MUTATIONS ?=
JOBS ?= 2
DEV ?= ON
FUZZ ?=
export ARM_DEPS ?= $(CURDIR)/.deps

CONFIGURE = cmake -S . -G Ninja -DARM_DEV=$(DEV) -DARM_DEPS="$(ARM_DEPS)"
CTEST = tools/run-tests --tests '$(TESTS)'
# DuckDB is not built with the sanitizer: how its threads hand memory on is not seen, so what runs it
# is all false alarms. Our own threads are in the directories below it.
TSAN_TESTS = ^test_(base|store|log|ptree|model|index|catalog|commit)_|^test_property_(commit|index|ptree)

.PHONY: all setup build demo test check sanitize fuzz mutations notebooks wheel bench reference \
	install clean distclean help
.NOTPARALLEL:

all: build

setup:
	@tools/setup

$(BUILD)/build.ninja: | setup
	@$(CONFIGURE) -B $(BUILD)

build: setup $(BUILD)/build.ninja
	@cmake --build $(BUILD)

demo: build
	@tools/demo

test: build
	@cmake --build $(BUILD) --target all armillaria_tests
	@$(CTEST) $(BUILD)

check: setup
	@tools/setup check
	@tools/check

sanitize: setup
	@$(CONFIGURE) -B build-asan -DARM_SANITIZE=address,undefined
	@cmake --build build-asan --target all armillaria_tests
	@$(CTEST) build-asan
	@$(CONFIGURE) -B build-tsan -DARM_SANITIZE=thread
	@cmake --build build-tsan --target all armillaria_tests
	@tools/run-tests --tests '$(or $(TESTS),$(TSAN_TESTS))' build-tsan

fuzz: setup
	@tools/setup check
	@tools/fuzz $(FUZZ)

mutations: setup
	@tools/mutations --jobs $(JOBS) $(MUTATIONS)

notebooks: build
	@cmake --build $(BUILD) --target armillaria_python
	@ARM_BUILD_DIR=$(BUILD) tools/notebooks --render $(BUILD)/notebooks

wheel: build
	@ARM_BUILD_DIR=$(BUILD) "$(ARM_DEPS)/venv/bin/python" tools/wheel dist

bench: build
	@bench/run

reference: build
	@cmake --build $(BUILD) --target reference

install: build
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --prefix "$(abspath $(PREFIX))"

clean:
	rm -rf build build-asan build-tsan build-fuzz build-mutations

distclean: clean
	rm -rf .deps

help:
	@echo 'make            set up what the build needs (once), build the library and the command'
	@echo 'make demo       build, then a short tour (tools/demo)'
	@echo 'make test       build and run all tests; TESTS=regex for some'
	@echo 'make check      format, lint, ranks, exports, sizes (tools/check)'
	@echo 'make sanitize   the tests under ASan and UBSan, the kernel's under TSan'
	@echo 'make fuzz       every decoder under libFuzzer; FUZZ="frame --seconds 600" as for tools/fuzz'
	@echo 'make mutations  break the code on purpose, one place at a time: tests must notice'
	@echo 'make notebooks  run those of examples/notebooks, a page of each into build/notebooks'
	@echo 'make wheel      the Python package for other machines, into dist/ (tools/wheel)'
	@echo 'make bench      the benchmarks (bench/run)'
	@echo 'make reference  the API reference as a site, in build/reference/html'
	@echo 'make install    PREFIX=/usr/local DESTDIR='
	@echo 'make clean      remove the build folders; distclean also .deps/'
