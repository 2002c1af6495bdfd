# The tests: unit tests, fuzz targets over their corpora, and bats files. mk/sh/dev/check runs them.

# For make fuzz: the target, and how long to run it.
TARGET ?=
FUZZ_SECONDS ?= 60

UNIT_PROGS := $(patsubst tests/unit/%.c,$(TB)/test/unit/%,$(sort $(wildcard tests/unit/*.c)))
FUZZ_NAMES := $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c))))
FUZZ_PROGS := $(addprefix $(TB)/test/fuzz/,$(FUZZ_NAMES))
TEST_LIBS := -Wl,--as-needed -ljansson -lcurl -larchive -lzstd -lz -linih -lyaml -lcrypto -pthread

# The files that take longest come first, so that at the end none runs alone. Those that start machines, which run one at a
# time, come last; e2e-* takes longer and has a goal of its own.
BATS_LONG := $(wildcard $(patsubst %,tests/%.bats,publish-disks disks regpush publish regpull gomod shellcheck keys kubehosts go-build \
	vmstate conformance fetch))
BATS_E2E := $(sort $(wildcard tests/e2e-*.bats))
BATS_VM := $(patsubst %,tests/%.bats,vmpause vmsave vmstart vmstop) $(sort $(wildcard tests/flow-*.bats))
BATS_ALL := $(BATS_LONG) $(filter-out $(BATS_LONG) $(BATS_E2E) $(BATS_VM),$(sort $(wildcard tests/*.bats))) $(BATS_VM)
BATS_ONLY := $(foreach o,$(ONLY),tests/$o.bats)

ifneq ($(and $(filter check check-e2e,$(MAKECMDGOALS)),$(filter-out $(wildcard $(BATS_ONLY)),$(BATS_ONLY))),)
$(error no test $(filter-out $(wildcard $(BATS_ONLY)),$(BATS_ONLY)); \
	ONLY must be one of: $(sort $(patsubst tests/%.bats,%,$(BATS_ALL) $(BATS_E2E))))
endif

CHECK_ENV = TOP='$(CURDIR)' B='$(abspath $(B))' TB='$(abspath $(TB))' BIN='$(abspath $(BIN))' \
	$(if $(SAN),ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1)

.PHONY: check check-e2e fuzz
check: | $(TOOLS) $(if $(ONLY),,$(UNIT_PROGS) $(FUZZ_PROGS))
	@$(CHECK_ENV) mk/sh/dev/check $(if $(ONLY),$(BATS_ONLY),$(BATS_LONG) $(UNIT_PROGS) $(FUZZ_PROGS) $(filter-out $(BATS_LONG),$(BATS_ALL)))
check-e2e: | $(TOOLS)
	@$(CHECK_ENV) PROVIDER='$(PROVIDER)' KEEP='$(KEEP)' mk/sh/dev/check $(or $(BATS_ONLY),$(BATS_E2E))

$(TB)/obj/tests/%.o: tests/%.c mk/tools.mk mk/check.mk
	@mkdir -p $(@D)
	$(Q)$(compile)

-include $(patsubst tests/%.c,$(TB)/obj/tests/%.d,$(wildcard tests/unit/*.c tests/fuzz/*.c))

$(TB)/test/unit/%: $(TB)/obj/tests/unit/%.o $(TB)/obj/libks.a
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(KS_LDFLAGS) -o $@.$$$$ $^ $(TEST_LIBS) && mv $@.$$$$ $@

$(TB)/test/fuzz/%: $(TB)/obj/tests/fuzz/%.o $(TB)/obj/tests/fuzz/replay.o $(TB)/obj/libks.a
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(KS_LDFLAGS) -o $@.$$$$ $^ $(TEST_LIBS) && mv $@.$$$$ $@

# Inputs that the fuzzer finds stay in $(B)/fuzz; copy those worth keeping to tests/fuzz/corpus.
FUZZ_DIR := $(abspath $(B))/fuzz
fuzz: | $(if $(filter $(TARGET),$(FUZZ_NAMES)),$(FUZZ_DIR)/bin/$(TARGET))
ifeq ($(filter $(TARGET),$(FUZZ_NAMES)),)
	@echo "error: set TARGET to one of: $(FUZZ_NAMES)" >&2; exit 2
else
	@mkdir -p '$(FUZZ_DIR)/found/$(TARGET)' '$(FUZZ_DIR)/crash/$(TARGET)'
	$(Q)'$(FUZZ_DIR)/bin/$(TARGET)' -max_total_time=$(FUZZ_SECONDS) -timeout=60 -print_final_stats=1 \
		-artifact_prefix='$(FUZZ_DIR)/crash/$(TARGET)/' '$(FUZZ_DIR)/found/$(TARGET)' \
		$(wildcard tests/fuzz/corpus/$(TARGET))
endif

$(FUZZ_DIR)/bin/%: tests/fuzz/%.c $(wildcard tools/lib/*/*.[ch]) mk/check.mk
	@mkdir -p $(@D)
	$(Q)clang -std=c11 -D_GNU_SOURCE -Itools/lib -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer,address -o $@.$$$$ $< \
		$(LIB_SOURCES) $(TEST_LIBS) && mv $@.$$$$ $@
