# Benchmarks: mk/bench/NAME measures, prints a table, and writes $(B)/bench/NAME.json. They are no tests.
BENCHES := $(notdir $(wildcard mk/bench/*))

.PHONY: bench
ifneq ($(and $(filter bench,$(MAKECMDGOALS)),$(filter-out $(BENCHES),$(ONLY))),)
$(error there is no benchmark $(filter-out $(BENCHES),$(ONLY)); there are: $(BENCHES))
endif
bench: | $(TOOLS)
	@$(foreach b,$(or $(ONLY),$(BENCHES)),$(with-settings) BENCH=$b mk/bench/$b;)
