# Publishing: pushing the provider's image to a registry. cluster-up IMAGE= pulls it.

PUBLISH_GOALS := $(filter publish publish-all,$(MAKECMDGOALS))
ifneq ($(and $(PUBLISH_GOALS),$(if $(REGISTRY),,missing)),)
$(error make $(firstword $(PUBLISH_GOALS)): REGISTRY is not set: HOST[:PORT]/PATH)
endif

ifeq ($(filter yes no,$(DISK_CHUNKS)),)
$(error DISK_CHUNKS=$(DISK_CHUNKS): yes or no)
endif

# Settings for access to registries, which pulling uses too; those of publishing.
REGISTRY_ENV = AUTHFILE=$(call quote,$(AUTHFILE)) TLS_VERIFY=$(call quote,$(TLS_VERIFY)) CERT_DIR=$(call quote,$(CERT_DIR)) \
	DISK_CHUNKS=$(DISK_CHUNKS)
PUBLISH_ENV = $(STAGE_ENV) $(REGISTRY_ENV) REGISTRY=$(call quote,$(REGISTRY)) TAG=$(call quote,$(TAG)) \
	PUBLISHER=$(call quote,$(PUBLISHER)) SIGN_BY=$(call quote,$(SIGN_BY)) SIGN_PASSPHRASE=$(call quote,$(SIGN_PASSPHRASE))

# PROVIDERS, or PROVIDER if it is set, or all of them except those of the tests.
PUBLISH_PROVIDERS = $(or $(PROVIDERS),$(if $(filter file,$(origin PROVIDER)),$(ALL_PROVIDERS),$(PROVIDER)))

.PHONY: publish publish-all publish-check
# Check the variables before anything is built.
publish-check:
	@$(PUBLISH_ENV) mk/sh/registry/publish --check
publish: publish-check | $(call LAST,image) $(TOOLS)
	@$(PUBLISH_ENV) KEY=$(KEY.image) IMAGE_LAYOUT='$(abspath $(call stage-dir,image))/oci' mk/sh/registry/publish
publish-all: publish-check
	@$(PUBLISH_ENV) PROVIDERS=$(call quote,$(PUBLISH_PROVIDERS)) MAKE='$(MAKE)' mk/sh/registry/publish-all
