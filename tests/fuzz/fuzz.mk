# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the fuzzers of vfiod in build/fuzz, from the top: make -f tests/fuzz/fuzz.mk. Of the daemon a fuzzer links what
# it does not bring itself: a file of tests/fuzz that has the functions of one of vfiod/ takes its place.
OUT = build/fuzz
FUZZERS = $(addprefix $(OUT)/fuzz_,address wire journal config kernel daemon)
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS = -std=gnu11 -g -O1 -Wall -Wextra -D_GNU_SOURCE -DPACKAGE_VERSION='"fuzzed"' \
	-DVFIOD_SYSCONFDIR='"/nowhere"' -DVFIOD_RUNTIMEDIR='"/nowhere"' -DVFIOD_STATEDIR='"/nowhere"' \
	-I. $(SANITIZE) -fsanitize=fuzzer-no-link
LIBS = -levent -lconfuse -ludev -lz -lpthread

all: $(FUZZERS)

SOURCES = $(filter-out vfiod/main.c,$(wildcard vfiod/*.c)) $(wildcard proto/*.c)
OBJECTS = $(SOURCES:%.c=$(OUT)/o/%.o)

$(OUT)/o/%.o: %.c
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -MMD -c $< -o $@

$(OUT)/vfiod.a: $(OBJECTS)
	rm -f $@
	ar rcs $@ $^

$(OUT)/fuzz_kernel $(OUT)/fuzz_daemon: $(OUT)/o/tests/fuzz/fake_kernel.o
$(OUT)/fuzz_journal $(OUT)/fuzz_kernel $(OUT)/fuzz_daemon: $(OUT)/o/tests/fuzz/fake_log.o
$(OUT)/fuzz_daemon: $(OUT)/o/tests/fuzz/fake_vfio.o $(OUT)/o/tests/fuzz/fake_numvfs.o
$(OUT)/fuzz_kernel $(OUT)/fuzz_daemon: WRAP = -Wl,--wrap=serial_read,--wrap=driver_look,--wrap=driver_is_disguised,--wrap=open,--wrap=scandir
$(OUT)/fuzz_daemon: WRAP += -Wl,--wrap=peer_read,--wrap=peer_pidfd,--wrap=flock,--wrap=fsync \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup

$(OUT)/fuzz_%: $(OUT)/o/tests/fuzz/fuzz_%.o $(OUT)/vfiod.a
	clang $(SANITIZE) -fsanitize=fuzzer $(WRAP) $(filter %.o,$^) $(OUT)/vfiod.a $(LIBS) -o $@

.SECONDARY:
-include $(shell find $(OUT)/o -name '*.d' 2>/dev/null)
