# What all stage scripts share; a stage's script sources it first, then what else it needs: debian.sh for Debian file
# systems, live.sh for the machine of a live stage. What a script sources or runs below mk/sh, and the tools that it runs
# as $BIN/NAME, are part of the stage's key without being named in provider.ini (stagekey(1)).
#
# A stage finds in its environment: OUT (where its artefacts go), IN_<stage> (the artefacts of each stage it needs; "_" for each
# "-" of its name), TOP (the checkout), B (the build directory), BIN (our tools, for this machine), KS_CACHE, PROVIDER,
# PROVIDER_DIRS (the provider's own directory, then what it inherits), and the values of provider.ini that it declares
# (stage-script).
# shellcheck shell=bash
set -eu -o pipefail
shopt -s inherit_errexit nullglob
. "$TOP/mk/sh/common/conf.sh"
. "$TOP/mk/sh/common/version.sh"

# say TEXT: a line for the stage's log; the newest one is shown while the stage runs.
say() { printf '== %s\n' "$*"; }

# need_programs NAME...: fail early, and say what would help.
need_programs() {
	local p
	for p; do
		command -v "$p" > /dev/null || fail "the program $p is missing: run 'make deps'"
	done
}

# provider_conf: the stage's values of provider.ini, as shell.
provider_conf() { conf_lines $CONF_NAMES; }

# provider_file NAME: the path of a file of the provider.
. "$TOP/mk/sh/provider/file.sh"

# tools_fit: with [builder] tools = host, this machine's tools need no newer C library than that of the runner, in which they run.
tools_fit() {
	local need has
	[ "$builder_tools" = host ] || return 0
	need=$(grep -haoE 'GLIBC_2\.[0-9]+' "$IN_tools"/bin/* | version_newest)
	has=GLIBC_$(cat "$IN_runner/libc")
	! version_newer "$need" "$has" ||
		fail "the tools of this machine need $need, but $debian_suite has $has: set 'tools = builder' in [builder] of provider.ini"
}

# in_mounts COMMAND...: run COMMAND in a mount namespace of its own, so that what it mounts goes with it.
in_mounts() { unshare -m --propagation private "$@"; }
