# The stage engine. stagekey(1) computes the keys of all stages in one call. The key is part of the name of a stage's
# directory, so a stamp is either valid or does not exist: modification times do not matter. See docs/STAGES.md.

PROVIDER_DIR := $(firstword $(wildcard providers/$(PROVIDER)/provider.ini tests/providers/$(PROVIDER)/provider.ini))
PROVIDER_DIR := $(patsubst %/,%,$(dir $(PROVIDER_DIR)))
P := $(B)/$(PROVIDER)
# All but the abstract ones.
ALL_PROVIDERS = $(sort $(notdir $(patsubst %/,%,$(dir $(shell grep -Lx 'abstract = yes' providers/*/provider.ini)))))

# Third-party programs whose versions are part of keys.
VERSIONED := mmdebstrap mke2fs qemu-img
# With IMAGE=, cluster-up needs no stage.
STAGE_GOALS := provision image check-provider publish $(if $(IMAGE),,cluster-up) bench why times force gc check-e2e keys images images-check pin bundle sources-list
# provider-show needs the keys only with these variables; without them it can show abstract providers too.
STAGE_GOALS += $(if $(SOURCE)$(CNI)$(MANIFESTS)$(EXTRA_IMAGES),provider-show)
# The goals that build: they refuse a provider whose downloads are not pinned.
BUILD_GOALS := provision image check-provider publish $(if $(IMAGE),,cluster-up) check-e2e force
ifneq ($(filter $(STAGE_GOALS),$(MAKECMDGOALS)),)
ifeq ($(PROVIDER_DIR),)
$(error unknown provider '$(PROVIDER)'; the providers are: $(ALL_PROVIDERS))
endif
# Checks that the variable $1 is empty, $2 or $3.
choice = $(if $(filter-out $2 $3,$($1))$(word 2,$($1)),$(error $1=$($1): must be $2 or $3))
$(call choice,SOURCE,go,upstream)
$(call choice,CNI,bridge,flannel)
include $(P)/keys.mk
endif

STAGES ?=
PROVIDER_DIRS ?=

.PHONY: FORCE
FORCE:

ifeq ($(filter yes no,$(STATE)),)
$(error STATE=$(STATE): must be yes or no)
endif

# Computed by every make, and replaced only if it changed; then make restarts with the new keys.
$(P)/keys.mk: FORCE $(TOOLS) $(P)/tools.versions
	$(Q)$(with-settings) set -f; rc=0; { cat $(P)/tools.versions; echo 'saved-state $(STATE)'; } > $@.$$$$ && \
		$(BIN)/stagekey -I providers -I tests/providers -b $(BIN) -i $(P)/inputs -t $@.$$$$ -o $@ \
			$(if $(SOURCE)$(CNI)$(MANIFESTS)$(EXTRA_IMAGES),$(DERIVE)) -- $(PROVIDER_DIR) $(if $(MANIFESTS),$$MANIFESTS) || rc=$$?; \
		rm -f $@.$$$$; [ $$rc = 0 ] || exit $$rc $(if $(filter $(BUILD_GOALS),$(MAKECMDGOALS)),; $(PINNED))

PINNED = mk/sh/stage/pinned $@

# SOURCE, CNI, MANIFESTS and EXTRA_IMAGES make a provider of their own, which inherits PROVIDER, so that they are part of the
# keys, and of everything else that is read from provider.ini. Like those of all providers its directory is relative to the
# checkout.
DERIVE = --derive "$$(realpath --relative-to=. $(P))" --source "$$SOURCE" --cni "$$CNI" --images "$$EXTRA_IMAGES"

$(P)/tools.versions: mk/sh/stage/tool-versions $(foreach d,/usr/bin /usr/sbin,$(wildcard $(addprefix $d/,$(VERSIONED))))
	@mkdir -p $(@D)
	$(Q)mk/sh/stage/tool-versions $(VERSIONED) > $@.$$$$ && mv $@.$$$$ $@

stage-dir = $(P)/$1.$(KEY.$1)
stamp = $(call stage-dir,$1)/stamp
# The stages that $1 depends on, nearest last; and the live ones among them.
ancestors = $(foreach n,$(NEEDS.$1),$(call ancestors,$n) $n)
live-ancestors = $(foreach n,$(call ancestors,$1),$(if $(LIVE.$n),$n))
# The values of `live` of the stages that need $1.
live-after = $(foreach n,$(STAGES),$(if $(filter $1,$(NEEDS.$n)),$(LIVE.$n)))
first-of = $(if $1,$(firstword $1) $(call first-of,$(filter-out $(firstword $1),$1)))

# The variable that has the directory of the stage $1.
in-name = IN_$(subst -,_,$1)

define stage-rule
.PHONY: $1
$(call stamp,$1): | $(if $(BUNDLE),bundle-in) $(foreach n,$(NEEDS.$1),$(call stamp,$n)) $(TOOLS)
	$$(Q)$$(with-settings) $(foreach n,$(call first-of,$(call ancestors,$1)),$(call in-name,$n)=$(abspath $(call stage-dir,$n))) \
		LIVE=$(LIVE.$1) NEXT_READ_ONLY=$(if $(filter read-only,$(call live-after,$1)),yes) LIVE_BEFORE='$(foreach n,$(call first-of,$(call live-ancestors,$1)),$n:$(KEY.$n):$(SCRIPT.$n):$(TIMEOUT.$n))' \
		KEY=$(KEY.$1) SCRIPT=$(SCRIPT.$1) STAGE_TIMEOUT=$(TIMEOUT.$1) TITLE=$$(call quote,$$(TITLE.$1)) \
		POSITION=$(call index-of,$1)/$(words $(STAGES)) mk/sh/stage/stage $1
endef

quote = '$(subst ','\'',$1)'
index-of = $(words $(call up-to,$1,$(STAGES)))
up-to = $(if $2,$(firstword $2) $(if $(filter $1,$(firstword $2)),,$(call up-to,$1,$(wordlist 2,99,$2))))
# XDG Base Directory Specification: a relative path is ignored.
KS_CACHE := $(or $(filter /%,$(XDG_CACHE_HOME)),$(addsuffix /.cache,$(or $(HOME),$(shell echo ~))))/kubestamp

$(foreach s,$(STAGES),$(eval $(call stage-rule,$s)))

.PHONY: why times force gc keys
keys:
	@$(foreach s,$(STAGES),echo '$(KEY.$s) $s';)

why:
	@$(with-settings) KEY=$(if $(filter $(STAGE),$(STAGES)),$(KEY.$(STAGE))) mk/sh/stage/why
times:
	@$(with-settings) KEYS='$(foreach s,$(STAGES),$s.$(KEY.$s))' mk/sh/stage/times
force:
	@$(with-settings) mk/sh/stage/forget $(foreach s,$(STAGES),$(if $(filter $(STAGE),$s $(call ancestors,$s)),$(call stage-dir,$s)))
	$(Q)$(MAKE) provision
gc:
	@$(with-settings) KEYS='$(foreach s,$(STAGES),$s.$(KEY.$s))' mk/sh/stage/gc
