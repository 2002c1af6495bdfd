# Clusters. Only cluster-up looks at the stages, and with IMAGE= not even that; everything else works on what
# $(B)/clusters/CLUSTER says.

CLUSTER_ENV = $(STAGE_ENV) CLUSTER='$(CLUSTER)' ENGINE='$(ENGINE)' NODES='$(NODES)' NICS='$(NICS)' MEMORY='$(MEMORY)' \
	CPUS='$(CPUS)' DISK='$(DISK)' API_PORT='$(API_PORT)' REGISTRY_PORT='$(REGISTRY_PORT)' SSH_PORT='$(SSH_PORT)' \
	WITH='$(WITH)' PUBLISH='$(PUBLISH)' BOOT_TIMEOUT='$(BOOT_TIMEOUT)' RESUME='$(RESUME)' STATES='$(STATES)' NAME='$(NAME)' NODE='$(NODE)' CMD=$(call quote,$(value CMD)) ARGS=$(call quote,$(value ARGS))

.PHONY: cluster-up cluster-down stop start kubectl ssh console logs status ports env list
cluster-up: doctor-run | $(if $(IMAGE),,$(call LAST,image)) $(TOOLS) $(if $(wildcard /usr/include/gnumake.h),$(BIN)/become.so)
	@$(CLUSTER_ENV) $(REGISTRY_ENV) IMAGE_FROM=$(call quote,$(IMAGE)) \
		IMAGE_LAYOUT='$(if $(IMAGE),$(KS_CACHE)/images,$(abspath $(call stage-dir,image))/oci)' mk/sh/cluster/cluster-up
cluster-down:
	@$(CLUSTER_ENV) mk/sh/cluster/cluster-do down
stop start: | $(TOOLS)
	@$(CLUSTER_ENV) mk/sh/cluster/cluster-do $@
logs:
	@$(CLUSTER_ENV) mk/sh/cluster/cluster-do $@

# Images of this machine for a cluster.
.PHONY: image-push image-load
image-push image-load:
	@$(CLUSTER_ENV) IMG=$(call quote,$(IMG)) TO=$(call quote,$(TO)) mk/sh/cluster/image-in $(@:image-%=%)

# Kubernetes' conformance tests in a cluster.
.PHONY: conformance
conformance: | $(BIN)/provconf $(BIN)/kuberender
	@$(CLUSTER_ENV) PROVIDER_DIR='$(PROVIDER_DIR)' FOCUS=$(call quote,$(value FOCUS)) SKIP=$(call quote,$(value SKIP)) \
		PARALLEL='$(PARALLEL)' TIMEOUT='$(TIMEOUT)' mk/sh/cluster/conformance

# Saved clusters, and pausing one.
.PHONY: cluster-save cluster-restore cluster-saves cluster-save-delete cluster-pause cluster-resume
cluster-save cluster-restore cluster-pause cluster-resume: | $(TOOLS)
	@$(CLUSTER_ENV) mk/sh/cluster/cluster-state $(@:cluster-%=%)
cluster-saves:
	@$(CLUSTER_ENV) mk/sh/cluster/cluster-state saves
cluster-save-delete:
	@$(CLUSTER_ENV) mk/sh/cluster/cluster-state delete

# These three end as their command ends: make becomes it, where make can load become.c. cluster-up builds that, since
# who uses a cluster that root started may not write here.
$(BIN)/become.so: mk/become.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(KS_CFLAGS) -fPIC -shared -o $@.$$$$ $< && mv $@.$$$$ $@
ifneq ($(filter kubectl ssh console,$(MAKECMDGOALS)),)
ifneq ($(and $(wildcard /usr/include/gnumake.h),$(filter load,$(.FEATURES)),$(if $(findstring n,$(firstword -$(MAKEFLAGS))),,yes)),)
-load $(BIN)/become.so
BECOME := $(wildcard $(BIN)/become.so)
endif
kubectl ssh console:
	@$(if $(BECOME),$(become $(CLUSTER_ENV) mk/sh/cluster/cluster-do $@),$(CLUSTER_ENV) mk/sh/cluster/cluster-do $@)
BECOME ?=
endif
status ports env list:
	@$(CLUSTER_ENV) mk/sh/cluster/cluster-info $@
