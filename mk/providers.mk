# Providers and add-ons: making them into images, and what is done with their files. No cluster is needed.

# The goals that need a stage: its stamp, if the provider has that stage.
LAST = $(if $(filter $1,$(STAGES)),$(call stamp,$1))
.PHONY: provision image check-provider
provision image: | $(call LAST,image)
check-provider: | $(call LAST,check)

PROVIDERS_ENV = $(with-settings) \
	KUBEADM=$(if $(filter sources,$(STAGES)),$(call quote,$(abspath $(call stage-dir,sources))/bin/kubeadm)) \
	IMAGE_LIST=$(if $(filter images,$(STAGES)),$(call quote,$(abspath $(call stage-dir,images))/list))

.PHONY: provider-show sources-list images images-check pin bundle bundle-in new-provider bump outdated matrix
images: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/images list
images-check: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/images check
pin: | $(TOOLS)
	@$(PROVIDERS_ENV) $(if $(ADDON),mk/sh/provider/pin-addon "$$ADDON",mk/sh/provider/pin)
bundle: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/bundle
bundle-in: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/bundle-in "$$BUNDLE"
new-provider: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/new-provider
bump: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/bump
outdated: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/outdated
matrix: | $(TOOLS)
	$(with-make) mk/sh/provider/matrix
provider-show: | $(BIN)/provconf
	@$(BIN)/provconf -I providers -I tests/providers --origin '$(or $(firstword $(PROVIDER_DIRS)),$(PROVIDER_DIR),providers/$(PROVIDER))'
sources-list: | $(TOOLS)
	@$(PROVIDERS_ENV) mk/sh/provider/sources-list
