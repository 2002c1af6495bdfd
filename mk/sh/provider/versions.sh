# Providers and their Kubernetes versions: sourced by what makes, bumps and compares them. Needs TOP and BIN.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"

# versions_providers: the names of all providers that can be provisioned: valid and not abstract.
versions_providers() {
	local dir
	for dir in "$TOP"/providers/*/; do
		dir=${dir%/}
		[ "${dir##*/}" = base ] || ! "$BIN/provconf" -c "$dir" 2> /dev/null || [ "$(version_of "${dir##*/}" provider.abstract)" = yes ] ||
			echo "${dir##*/}"
	done
}

# version_of PROVIDER [SECTION.KEY]: its value of kubernetes.version, or of this key; nothing if it is not set.
version_of() {
	"$BIN/provconf" -I "$TOP/providers" --get "${2:-kubernetes.version}" "$TOP/providers/$1" || [ $? = 3 ]
}

# versions_resolved PROVIDER: all its values, inherited ones included, a line each.
versions_resolved() { "$BIN/provconf" -I "$TOP/providers" -f make "$TOP/providers/$1" | sed 's/ := \{0,1\}/ = /'; }

# versions_diff OLD NEW: the lines of two files that differ.
versions_diff() { diff --suppress-common-lines -U0 "$1" "$2" | grep '^[-+][^-+]' || true; }

# version_check VERSION: exit with an error unless it is like 1.31.4.
version_check() {
	[[ $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || refuse "VERSION='$1' is not a version like 1.31.4"
}

# version_newest MINOR: print upstream's newest patch release of it, or fail with curl's message.
version_newest() {
	local newest
	newest=$(curl -sSfL --proto '=http,https' --retry 2 --max-time 30 "${K8S_MIRROR:-https://dl.k8s.io}/release/stable-$1.txt") || return 1
	[[ $newest =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "the answer is not a version: ${newest:0:60}" >&2; return 1; }
	echo "${newest#v}"
}
