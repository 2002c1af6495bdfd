# Providers and their Kubernetes versions: sourced by what makes, bumps and compares them. Needs TOP and BIN.
# shellcheck shell=bash

version_fail() { printf 'error: %s\n' "$1" >&2; exit "${2:-1}"; }

# versions_providers: the names of all that can be provisioned: those that provconf accepts. What is only there to be
# inherited lacks something, or says so.
versions_providers() {
	local ini dir
	for ini in "$TOP"/providers/*/provider.ini; do
		dir=${ini%/provider.ini}
		[ "${dir##*/}" != base ] && "$BIN/provconf" -c "$dir" 2> /dev/null && ! grep -qE '^abstract *= *yes' "$ini" || continue
		echo "${dir##*/}"
	done
}

# version_of PROVIDER [SECTION.KEY]: its value of kubernetes.version, or another; nothing where it has none.
version_of() {
	"$BIN/provconf" -I "$TOP/providers" --get "${2:-kubernetes.version}" "$TOP/providers/$1" || [ $? = 3 ]
}

# versions_resolved PROVIDER: all its values, as provconf prints them.
versions_resolved() { "$BIN/provconf" -I "$TOP/providers" -f make "$TOP/providers/$1" | sed 's/ := \{0,1\}/ = /'; }

# versions_diff OLD NEW: the lines of two files that differ.
versions_diff() { diff --suppress-common-lines -U0 "$1" "$2" | grep '^[-+][^-+]' || true; }

# version_check VERSION: like 1.31.4, or it ends here.
version_check() {
	[[ $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || version_fail "VERSION='$1' is not a version like 1.31.4" 2
}

# ini_set FILE SECTION KEY VALUE: FILE with the value in place of what it has, on standard output; a section or a key
# that is not there is added. Lines that go on with the old value go with it.
ini_set() {
	SECTION=$2 KEY=$3 VALUE=$4 awk '
		BEGIN { section = "[" ENVIRON["SECTION"] "]"; key = ENVIRON["KEY"]; line = key " = " ENVIRON["VALUE"] }
		function add() { if (inside && !done) { print line; done = 1 } }
		/^\[/ { add(); flush(); inside = $0 == section; old = 0 }
		function flush() { if (blank != "") { printf "%s", blank; blank = "" } }
		/^[ \t]*$/ { if (inside && !done) { blank = blank $0 "\n"; old = 0; next } }
		old && /^[ \t]/ { next }
		{ old = 0 }
		inside && !done {
			name = $0
			sub(/[ \t]*=.*/, "", name)
			if (name == key) { flush(); print line; done = 1; old = 1; next }
		}
		{ flush(); print }
		END { if (inside) add(); if (!done) { print ""; print section; print line } flush() }' "$1"
}

# versions_table MINOR: what is known of that minor version, as lines SECTION.KEY=VALUE.
versions_table() {
	awk -v want="[$1]" '
		/^\[/ { inside = $0 == want; next }
		inside && /^[a-z]/ { n = index($0, " = "); print substr($0, 1, n - 1) "=" substr($0, n + 3) }' "$TOP/mk/kubernetes-versions.ini"
}

# version_newest MINOR: upstream's newest patch of it, or fails with curl's words.
version_newest() {
	local newest
	newest=$(curl -sSfL --proto '=http,https' --retry 2 --max-time 30 "${K8S_MIRROR:-https://dl.k8s.io}/release/stable-$1.txt") || return 1
	[[ $newest =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "the answer is no version: ${newest:0:60}" >&2; return 1; }
	echo "${newest#v}"
}
