# make doctor: whether this machine can run a cluster.

.PHONY: doctor doctor-run
doctor: | $(BIN)/pause $(BIN)/findengine $(BIN)/hostcheck
	@$(with-settings) mk/sh/dev/doctor
doctor-run: | $(BIN)/pause $(BIN)/findengine $(BIN)/hostcheck
	@$(with-settings) mk/sh/dev/doctor --quiet
