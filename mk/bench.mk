# Benchmarks, which are not part of the tests: mk/bench/NAME prints a table and writes $(B)/bench/NAME.json.
BENCHES := $(notdir $(wildcard mk/bench/*))

.PHONY: bench
ifneq ($(and $(filter bench,$(MAKECMDGOALS)),$(filter-out $(BENCHES),$(ONLY))),)
$(error no benchmark $(filter-out $(BENCHES),$(ONLY)); ONLY must be one of: $(BENCHES))
endif
bench: | $(TOOLS)
	@$(with-settings) $(foreach b,$(or $(ONLY),$(BENCHES)),BENCH=$b mk/bench/$b;)
