# The family of Backend-for-Frontend servers.
#
#   make             build everything under build/
#   make unit        build and run the unit tests
#
# VARIANT=asan or VARIANT=tsan builds under build/asan or build/tsan with the sanitizers.

VARIANT ?= release
CC ?= gcc
OUT := build/$(VARIANT)

PACKAGES := libmicrohttpd libcurl gnutls json-c libconfig zlib
FLAGS_release := -O2
FLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan := -O1 -fsanitize=thread -fno-omit-frame-pointer
CFLAGS := -std=gnu11 -D_GNU_SOURCE -g -Wall -Wextra -Werror -pthread $(FLAGS_$(VARIANT))
CPPFLAGS := -MMD -MP -Ibff-core $(shell pkg-config --cflags $(PACKAGES))
LDLIBS := $(shell pkg-config --libs $(PACKAGES)) -lm -pthread

CORE := $(wildcard bff-core/*.c bff-core/*/*.c)
CORE_O := $(CORE:%.c=$(OUT)/%.o)
UNIT := $(wildcard tests/unit/*.c tests/unit/*/*.c)
UNIT_BIN := $(UNIT:%.c=$(OUT)/%)

.PHONY: all unit clean
.SECONDARY:

all: $(OUT)/libbff-core.a

$(OUT)/libbff-core.a: $(CORE_O)
	@rm -f $@ && ar rcs $@ $^

$(OUT)/%.o: %.c
	@mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(OUT)/tests/unit/%: $(OUT)/tests/unit/%.o $(OUT)/libbff-core.a
	@$(CC) $(CFLAGS) $< $(OUT)/libbff-core.a $(LDLIBS) -lcriterion -o $@

unit: $(UNIT_BIN)
	@for t in $^; do $$t --quiet || exit 1; done

clean:
	@rm -rf build

-include $(CORE_O:.o=.d) $(UNIT_BIN:=.d)
