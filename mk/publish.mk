# Publishing: pushing the provider's image to a registry. cluster-up IMAGE= pulls it.

PUBLISH_GOALS := $(filter publish publish-all,$(MAKECMDGOALS))
ifneq ($(and $(PUBLISH_GOALS),$(if $(REGISTRY),,missing)),)
$(error make $(firstword $(PUBLISH_GOALS)): REGISTRY is not set: HOST[:PORT]/PATH)
endif

ifeq ($(filter yes no,$(DISK_WINDOWS)),)
$(error DISK_WINDOWS=$(DISK_WINDOWS): must be yes or no)
endif

# PROVIDERS, or PROVIDER if it is set, or all of them except those of the tests.
PUBLISH_PROVIDERS = $(or $(PROVIDERS),$(if $(filter file,$(origin PROVIDER)),$(ALL_PROVIDERS),$(PROVIDER)))

.PHONY: publish publish-all publish-check
# Check the variables before anything is built.
publish-check:
	@$(with-settings) mk/sh/registry/publish --check
publish: publish-check | $(call LAST,image) $(TOOLS)
	@$(with-settings) KEY=$(KEY.image) mk/sh/registry/publish
publish-all: publish-check
	$(with-make) PROVIDERS=$(call quote,$(PUBLISH_PROVIDERS)) mk/sh/registry/publish-all
