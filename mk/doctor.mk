# make doctor: whether the kernel and the container engine of this machine can run a cluster.

.PHONY: doctor doctor-run
doctor: | $(BIN)/pause $(BIN)/findengine $(BIN)/hostcheck
	@$(with-settings) mk/sh/dev/doctor
doctor-run: | $(BIN)/pause $(BIN)/findengine $(BIN)/hostcheck
	@$(with-settings) mk/sh/dev/doctor --quiet
