# What the stage scripts share; sourced through $KS_LIB by a stage that mk/sh/stage/stage runs.
#
# A stage finds in its environment: OUT (where its artefacts go), IN_<stage> (the artefacts of each stage it
# needs), TOP (the checkout), B (the build directory), BIN (our tools), KS_CACHE, PROVIDER, PROVIDER_DIRS (the
# provider's own directory, then what it inherits), and the values of provider.ini that it declares (stage-script).
# shellcheck shell=bash
set -eu -o pipefail
shopt -s inherit_errexit nullglob

# say TEXT: a line for the stage's log; the newest one is shown while the stage runs.
say() { printf '== %s\n' "$*"; }

# fail TEXT: end the stage; TEXT is what the user reads first.
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# need_programs NAME...: fail early, and say what would help.
need_programs() {
	local p
	for p; do
		command -v "$p" > /dev/null || fail "the program $p is missing: run 'make deps'"
	done
}

# debian_sources SUITE: sources.list lines for SUITE and its security and update suites, from the machine's own
# apt configuration, or from MIRROR (which then must carry SUITE; SUITE-updates and security are not asked for).
debian_sources() {
	local suite=$1 key=/usr/share/keyrings/debian-archive-keyring.gpg found
	if [ -n "${MIRROR:-}" ]; then
		echo "deb [signed-by=$key] $MIRROR $suite main"
		return
	fi
	found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)' 'Created-By: Packages' |
		awk -v suite="$suite" -v key="$key" '
			($2 == suite || $2 == suite "-updates" || $2 == suite "-security") && $3 == "main" && !seen[$1 $2]++ {
				print "deb [signed-by=" ($4 ~ /^\// ? $4 : key) "] " $1 " " $2 " main"
			}')
	grep -q " $suite main" <<< "$found" ||
		fail "this machine's apt configuration has no suite $suite: set MIRROR= to a Debian mirror"
	printf '%s\n' "$found"
}

# provider_conf: the stage's values of provider.ini, as shell.
provider_conf() {
	. "$TOP/mk/sh/common/conf.sh"
	conf_lines $CONF_NAMES
}

# provider_file NAME: the path of a file of the provider, its own before an inherited one.
provider_file() {
	local dir
	for dir in $PROVIDER_DIRS; do
		[ -e "$dir/$1" ] && { echo "$dir/$1"; return; }
	done
	fail "$1 is in none of: $PROVIDER_DIRS"
}

# debian_tree DEST.tar VARIANT PACKAGES [MMDEBSTRAP-OPTION...]: a Debian file system as a tar, without what no
# container or node reads, and without what differs from one run to the next.
debian_tree() {
	local dest=$1 variant=$2 packages=$3 proxy=()
	local exclude=(man doc locale info lintian bug) e options=()
	shift 3
	need_programs mmdebstrap
	for e in "${exclude[@]}"; do options+=("--dpkgopt=path-exclude=/usr/share/$e/*"); done
	eval "$(apt-config shell http Acquire::http::Proxy https Acquire::https::Proxy 2> /dev/null || true)"
	[ -z "${http:-}" ] || proxy+=("--aptopt=Acquire::http::Proxy \"$http\"")
	[ -z "${https:-}" ] || proxy+=("--aptopt=Acquire::https::Proxy \"$https\"")
	debian_sources "$debian_suite" > "$OUT/sources.list"
	# shellcheck disable=SC2016 # $1 is for the hook's shell
	SOURCE_DATE_EPOCH=0 TMPDIR=$OUT mmdebstrap --variant="$variant" --include="$(tr -s ' ' , <<< "$packages")" \
		--aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
		--aptopt='Acquire::http::Timeout "30"' --aptopt='Acquire::Languages "none"' \
		--dpkgopt=force-confold --dpkgopt=force-confdef "${options[@]}" "${proxy[@]}" \
		--customize-hook='rm -rf "$1"/var/cache/ldconfig/aux-cache "$1"/var/log/* "$1"/etc/resolv.conf "$1"/etc/hostname' \
		"$@" \
		"$debian_suite" "$dest" - < "$OUT/sources.list"
	rm "$OUT/sources.list"
}

# tools_fit LIBC: our tools, which run in the runner's containers, need no newer C library than version LIBC, theirs.
tools_fit() {
	local need
	need=$(grep -haoE 'GLIBC_2\.[0-9]+' "$BIN"/* | sort -uV | tail -n 1)
	[ "$(printf '%s\n' "GLIBC_$1" "$need" | sort -V | tail -n 1)" = "GLIBC_$1" ] ||
		fail "the tools need $need, $debian_suite has $1: build them on $debian_suite, or in a container of it"
}

# in_mounts COMMAND...: run COMMAND in a mount namespace of its own, so that what it mounts goes with it.
in_mounts() { unshare -m --propagation private "$@"; }

# The machine of a live stage: cl_ssh and the rest.
if [ -n "${LIVE:-}" ]; then
	# shellcheck source=/dev/null
	. "$TOP/mk/sh/cluster/cluster.sh"
	cl_engine
	RUN_MOUNTS=(--volume "$TOP/mk/sh/cluster/run:/usr/lib/kubestamp/run:ro" --volume "$BIN:/usr/lib/kubestamp/bin:ro")
fi
