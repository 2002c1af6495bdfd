# Clusters. Only cluster-up looks at the stages, and with IMAGE= not even that; everything else works with what is in
# $(B)/clusters/CLUSTER.

.PHONY: settings-run cluster-up cluster-down stop start kubectl ssh console logs status ports env list cluster-show
# Settings are checked before anything is provisioned.
cluster-up: settings-run doctor-run | $(if $(IMAGE),,$(call LAST,image)) $(TOOLS) $(if $(wildcard /usr/include/gnumake.h),$(BIN)/become.so)
	@$(with-settings) mk/sh/cluster/cluster-up
settings-run: | $(BIN)/clusterconf
	@$(with-settings) mk/sh/cluster/cluster-info check
cluster-down:
	@$(with-settings) mk/sh/cluster/cluster-do down
stop start: | $(TOOLS)
	@$(with-settings) mk/sh/cluster/cluster-do $@
logs:
	@$(with-settings) mk/sh/cluster/cluster-do $@
status ports env list:
	@$(with-settings) mk/sh/cluster/cluster-info $@
cluster-show: | $(BIN)/clusterconf $(BIN)/hostcheck
	@$(with-settings) mk/sh/cluster/cluster-info show

# Images of this machine for a cluster.
.PHONY: image-push image-load
image-push image-load: | $(BIN)/imagename
	@$(with-settings) mk/sh/cluster/image-in $(@:image-%=%)

# Kubernetes' conformance tests in a cluster.
.PHONY: conformance
conformance: | $(BIN)/provconf $(BIN)/kuberender
	@$(with-settings) mk/sh/cluster/conformance

# Saved clusters, and pausing one.
.PHONY: cluster-save cluster-restore cluster-saves cluster-save-delete cluster-pause cluster-unpause cluster-resume
cluster-save cluster-restore cluster-pause cluster-unpause: | $(TOOLS)
	@$(with-settings) mk/sh/cluster/cluster-state $(@:cluster-%=%)
cluster-saves:
	@$(with-settings) mk/sh/cluster/cluster-state saves
cluster-save-delete:
	@$(with-settings) mk/sh/cluster/cluster-state delete
cluster-resume:
	@echo 'error: cluster-resume is now called cluster-unpause' >&2; exit 2

# These three exit with their command's code. make itself exits with 0, 1 or 2 only, so it has to be replaced by the
# command, where it can load become.c. cluster-up builds that, because the user of a cluster that root started may not have
# the right to write here.
$(BIN)/become.so: mk/become.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(KS_CFLAGS) -fPIC -shared -o $@.$$$$ $< && mv $@.$$$$ $@
ifneq ($(filter kubectl ssh console,$(MAKECMDGOALS)),)
ifneq ($(and $(wildcard /usr/include/gnumake.h),$(filter load,$(.FEATURES)),$(if $(DRY),,yes)),)
-load $(BIN)/become.so
BECOME := $(wildcard $(BIN)/become.so)
endif
BECOME ?=
kubectl ssh console:
	@$(if $(BECOME),$(become $(with-settings) exec mk/sh/cluster/cluster-do $@),$(with-settings) mk/sh/cluster/cluster-do $@)
endif
