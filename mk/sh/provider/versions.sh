# Providers and their Kubernetes versions: sourced by what makes, bumps and compares them. Needs TOP and BIN.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"
. "$TOP/mk/sh/common/version.sh"

# versions_providers: the names of all providers that can be provisioned.
versions_providers() { "$BIN/provconf" -I "$TOP/providers" --list "$TOP/providers"; }

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

# version_same_minor PROVIDER OLD: exit with an error if $VERSION is not a patch version of OLD's minor version.
version_same_minor() {
	[ "${2%.*}" = "${VERSION%.*}" ] ||
		refuse "$1 provides Kubernetes ${2%.*}; create a new provider for another minor version: make new-provider NAME=k8s-${VERSION%.*} FROM=$1 VERSION=$VERSION"
}
