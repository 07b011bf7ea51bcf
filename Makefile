# The family of Backend-for-Frontend servers.
#
# See it work
#   make run         install what is missing, build, start the mocks and the three servers, ask each
#                    for the feed and show the answers, then serve until ^C
#   make demo        the same, but stop after the answers; the last line counts their sections
#                    (SHIFT=N adds N to every port, beside another that runs already)
#
# Build
#   make             everything, in build/; V=1 shows commands, WERROR= lets warnings pass
#   make deps        name and install the Debian packages that are missing
#   make keys        a development CA and server certificate in build/dev, renewed when they expire
#   make check       let each server prove its settings, plans and shapes
#   make openapi     write each server's OpenAPI document, bff-NAME/openapi.json
#   make format      lay out all C as .clang-format says
#   make clean       remove build/
#
# Test
#   make test        all of: style unit threads contract flow seen; ends with "N passed, N failed"
#   make unit        one kind alone; T=word runs only the tests whose path holds that word
#   make asan        all of it under the address and undefined behaviour sanitizers
#   make tsan        thread programs and flow tests, with the servers under the thread sanitizer
#   make fuzz        each fuzz target for FUZZ_SECONDS (60)
#   make soak        20,000 feeds from each server over TLS, 64 at a time: memory; with VARIANT=asan
#                    or tsan: leaks or races
#   make bench       CPU time per request, beside others that do the same job
#   make bench-shape      instructions of a projection, beside json-c doing the same job
#   make bench-overload   good answers when three times as much is asked as can be done
#   make lint-openapi     the OpenAPI documents under a linter that is not ours (needs npm)
#   make schema-diff BASE=rev   what has changed since that breaks an app; ALL=1: what does not
#
# VARIANT=asan, tsan or fuzz builds any target with those sanitizers, under build/VARIANT.

VARIANT ?= release
WERROR ?= -Werror
FUZZ_SECONDS ?= 60
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(VARIANT),fuzz)
CC := clang
endif

# B holds what is run, O the objects: a server and its folder have the same name.
B := build$(if $(filter-out release,$(VARIANT)),/$(VARIANT))
O := $(B)/objects

# ---- flags; CFLAGS, CPPFLAGS and LDFLAGS stay free for whoever builds ----

PACKAGES := libmicrohttpd libcurl gnutls json-c libconfig zlib liburing
SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE_tsan := -fsanitize=thread
SANITIZE_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SANITIZE := $(SANITIZE_$(VARIANT))

CFLAGS ?= -g $(if $(SANITIZE),-O1 -fno-omit-frame-pointer,-O2)
COMPILE = $(CC) -std=gnu11 -D_GNU_SOURCE -Ibff-core $(PACKAGES_CFLAGS) -MMD -MP \
	-Wall -Wextra $(WERROR) -pthread $(SANITIZE) $(CPPFLAGS) $(CFLAGS)
LINK = $(CC) -pthread $(SANITIZE) $(CFLAGS) $(LDFLAGS)
LIBS = $(PACKAGES_LIBS) -lm

# Asked once, and only by a recipe: help, deps and clean work on a machine without pkg-config.
ask = $(eval $(1) := $(shell pkg-config $(2) $(PACKAGES) 2>/dev/null))$($(1))
PACKAGES_CFLAGS = $(call ask,PACKAGES_CFLAGS,--cflags)
PACKAGES_LIBS = $(call ask,PACKAGES_LIBS,--libs)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(shell nproc) --no-print-directory
endif
Q := $(if $(V),,@)

ifneq ($(filter-out help,$(or $(MAKECMDGOALS),all)),)
STRANGER := $(shell [ ! -e build ] || [ -w build -a -x build ] || stat -c %U build)
$(if $(STRANGER),$(error build/ is $(STRANGER)'s, not yours to write to: remove it, or clone anew))
endif

# ---- what there is ----

objects = $(patsubst %.c,$(O)/%.o,$(wildcard $(1)))
programs = $(patsubst %.c,$(B)/%,$(wildcard $(1)))

CORE := $(B)/libbff-core.a
ORACLE := $(B)/liboracle.a
CLIENTS := $(if $(wildcard bff-core/bff.c),$(patsubst %/main.c,%,$(wildcard bff-*/main.c)))
SERVERS := $(CLIENTS:%=$(B)/%)
MOCKS := $(if $(wildcard mocks/main.c),$(B)/bff-mocks)
DEMO := $(B)/bff-demo

UNIT := $(call programs,tests/unit/test_*.c tests/unit/*/test_*.c)
FLOW := $(call programs,tests/flow/test_*.c)
FLOW_SHARED := $(filter-out $(O)/tests/flow/test_%,$(call objects,tests/flow/*.c))
THREADS := $(call programs,tests/threads/*.c)
BENCH := $(call programs,tests/bench/*.c)
FUZZ := $(call programs,tests/fuzz/*.c)

.PHONY: all help deps keys run demo check format clean FORCE openapi
.PHONY: test style unit threads contract flow asan tsan fuzz
.PHONY: bench bench-shape bench-overload lint-openapi schema-diff soak
.SECONDARY:
.SECONDEXPANSION:
.DELETE_ON_ERROR:

all: $(CORE) $(SERVERS) $(MOCKS) $(DEMO)

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

# ---- build ----

# Rewritten when the commands change, so that all is built anew. Says what a bare machine lacks.
$(O)/commands: FORCE
	@command -v pkg-config >/dev/null && pkg-config --print-errors --exists $(PACKAGES) || \
		{ echo "make: libraries are missing; 'make deps' installs them" >&2; exit 1; }
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(LINK) $(LIBS)' | cmp -s - $@ || { .ci/curl-flavour && \
		echo '$(COMPILE) $(LINK) $(LIBS)' > $@; }

$(O)/%.o: %.c $(O)/commands
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c $< -o $@

$(CORE): $(call objects,bff-core/*.c bff-core/*/*.c)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(SERVERS): $(B)/%: $$(call objects,$$*/*.c) $(CORE)
	$(Q)$(LINK) $^ $(LIBS) -o $@

$(B)/bff-mocks: $(call objects,mocks/*.c)
	$(Q)$(LINK) $^ $(LIBS) -o $@

$(DEMO): $(call objects,mocks/demo/*.c) $(CORE)
	$(Q)$(LINK) $^ $(LIBS) -o $@

$(UNIT): $(B)/%: $(O)/%.o $(ORACLE) $(CORE)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(LIBS) -lcriterion -o $@

$(FLOW): $(B)/%: $(O)/%.o $(FLOW_SHARED) $(CORE)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(LIBS) -lcriterion -o $@

$(ORACLE): $(call objects,tests/oracle/*.c)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(THREADS) $(BENCH): $(B)/%: $(O)/%.o $(ORACLE) $(CORE)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(LIBS) -o $@

$(FUZZ): $(B)/%: $(O)/%.o $(ORACLE) $(CORE)
	@mkdir -p $(@D)
	$(Q)$(LINK) -fsanitize=fuzzer $^ $(LIBS) -o $@

# Every program of a group, for a make that calls itself after `deps`.
.PHONY: programs-unit programs-flow programs-threads programs-bench programs-fuzz
programs-unit: $(UNIT) ; @:
programs-flow: $(FLOW) ; @:
programs-threads: $(THREADS) ; @:
programs-bench: $(BENCH) ; @:
programs-fuzz: $(FUZZ) ; @:

# ---- run ----

deps:
	@.ci/deps build test

keys:
	@mocks/dev-keys build/dev

run demo:
	@.ci/deps build
	@$(MAKE) all keys
	@exec $(DEMO) $(if $(filter run,$@),--serve) $(if $(SHIFT),--shift $(SHIFT))

check: $(SERVERS) keys
	@bad=0; for c in $(CLIENTS); do $(B)/$$c --config $$c/bff.conf --check || bad=1; done; exit $$bad

# Only a document that is whole takes the old one's place.
openapi: $(SERVERS) keys
	@for c in $(CLIENTS); do $(B)/$$c --config $$c/bff.conf --openapi > $(B)/$$c.json && \
		cp $(B)/$$c.json $$c/openapi.json || exit; done

# ---- test ----

RUN := tests/run --build $(B) $(if $(T),--only $(T))

test:
	@.ci/deps build test
	@$(MAKE) all keys programs-unit programs-flow
	@$(MAKE) VARIANT=tsan programs-threads
	@$(RUN) style unit threads contract flow seen

style:
	@$(RUN) style
unit: $(UNIT)
	@$(RUN) unit
threads:
	@$(MAKE) VARIANT=tsan programs-threads
	@$(RUN) threads
contract: all keys
	@$(RUN) contract seen
flow: all keys $(FLOW)
	@$(RUN) flow seen

asan:
	@$(MAKE) VARIANT=asan test

# Criterion cannot start under this sanitizer (its arena sits in the shadow memory), so the flow
# tests themselves are plain and only what they start is not.
tsan:
	@.ci/deps build test
	@$(MAKE) keys programs-flow
	@$(MAKE) VARIANT=tsan all programs-threads
	@tests/run --build build --servers build/tsan $(if $(T),--only $(T)) threads flow seen

fuzz:
	@.ci/deps build test fuzz
	@$(MAKE) VARIANT=fuzz programs-fuzz
	@tests/fuzz/run build/fuzz/tests/fuzz $(FUZZ_SECONDS)

soak:
	@.ci/deps build soak
	@$(MAKE) all keys
	@tests/bench/soak $(B)

bench bench-overload: all keys programs-bench
	@tests/bench/$(if $(filter bench,$@),run,overload) $(B)

bench-shape:
	@.ci/deps build bench
	@$(MAKE) $(MOCKS) $(B)/tests/bench/shape
	@tests/bench/shapes $(B)

schema-diff: openapi
	@schemas/diff $(if $(ALL),--all) -- "$(BASE)"

# Installed once, then offline. Not asked for: a license of the interface, and a server that is not
# this machine.
REDOCLY := build/redocly/node_modules/.bin/redocly
$(REDOCLY):
	@command -v npm >/dev/null || { echo "make: npm is missing; apt-get install npm" >&2; exit 1; }
	@npm install --silent --ignore-scripts --no-audit --no-fund --prefix build/redocly \
		@redocly/cli@2.77.0
lint-openapi: openapi $(REDOCLY)
	@REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(REDOCLY) lint \
		--extends recommended-strict --skip-rule info-license --skip-rule no-server-example.com \
		$(CLIENTS:%=%/openapi.json)

# ---- upkeep ----

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	@rm -rf build

-include $(patsubst %.c,$(O)/%.d,$(wildcard $(foreach folder,bff-* mocks tests,\
	$(folder)/*.c $(folder)/*/*.c $(folder)/*/*/*.c)))
