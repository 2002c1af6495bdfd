# How recipes hand settings to scripts:
#
#	@$(with-settings) mk/sh/ROOM/SCRIPT
#
# runs the script with every variable of mk/config.mk in its environment, and the paths below. No value is part of a
# command line, so there is none to quote: the shell evaluates KS_SETTINGS, lines in the format of
# mk/sh/common/conf.sh, and exports what they set. Recipes without $(with-settings) get none of it: not the compiler, not
# the tests, and not a make that a recipe starts, for which an exported default would look like the user's choice.

# $(with-make) begins the recipe of a script that runs make, as $MAKE: with $(MAKE) or `+` in the recipe itself, `make -n` would
# run the script.
with-make = $(if $(DRY),,+)@$(with-settings) MAKE=$(call quote,$(MAKE))

# Old names of variables, OLD:NEW. Setting one is an error, since it would have no effect.
RENAMED := DISK_CHUNKS:DISK_WINDOWS
old-name = $(firstword $(subst :, ,$1))
$(foreach r,$(RENAMED),$(if $(filter-out undefined,$(origin $(call old-name,$r))),\
	$(error $(call old-name,$r) was renamed to $(lastword $(subst :, ,$r)))))

SETTINGS := $(shell sed -n 's/^\([A-Z0-9_]*\) ?=.*/\1/p' mk/config.mk)
with-settings := set -a; eval "$$KS_SETTINGS"; set +a;

# What a user wrote is taken literally, `$` and all; a default may refer to other variables.
setting-value = $(if $(filter file,$(origin $1)),$($1),$(value $1))

# make gives variables of its command line and environment to every recipe, and expands them for that: not those with `$`.
unexport $(foreach v,$(SETTINGS),$(if $(findstring $$,$(value $v)),$v))

# The variable of kubevirtci that the default of $1 stands for, if it is set.
open := $$(
close := )
setting-alias = $(if $(filter file,$(origin $1)),$(foreach a,$(filter KUBEVIRT_%,$(subst $(close), ,$(subst $(open), ,$(value $1)))),$(if $($a),$a)))

define newline


endef
define KS_PATHS
TOP=$(call quote,$(CURDIR))
B=$(call quote,$(abspath $(B)))
P=$(call quote,$(abspath $(P)))
BIN=$(call quote,$(abspath $(BIN)))
KS_CACHE=$(call quote,$(KS_CACHE))
PROVIDER_DIR=$(call quote,$(if $(IMAGE),,$(PROVIDER_DIR)))
PROVIDER_DIRS=$(call quote,$(PROVIDER_DIRS))
IMAGE_FROM=$(call quote,$(call setting-value,IMAGE))
IMAGE_LAYOUT=$(call quote,$(if $(IMAGE),$(KS_CACHE)/images,$(if $(filter image,$(STAGES)),$(abspath $(call stage-dir,image))/oci)))
SETTINGS=$(call quote,$(filter-out B,$(SETTINGS)))
SETTINGS_FROM_COMMAND_LINE=$(call quote,$(strip $(foreach v,$(SETTINGS),$(if $(filter command override,$(firstword $(origin $v))),$v))))
SETTINGS_FROM_ENVIRONMENT=$(call quote,$(strip $(foreach v,$(SETTINGS),$(if $(filter environment,$(firstword $(origin $v))),$v)$(addprefix $v:,$(call setting-alias,$v)))))
endef

export KS_SETTINGS := $(foreach v,$(SETTINGS),$v=$(call quote,$(call setting-value,$v))$(newline))$(KS_PATHS)
