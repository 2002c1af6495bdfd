# Kubernetes from upstream (upstream(1)), and the cache of downloads. Sourced; needs BIN, TOP, KS_CACHE, PROVIDER,
# PROVIDER_DIRS, and the provider's settings.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"
. "$TOP/mk/sh/provider/file.sh"

# upstream_tool OPTION...: run upstream(1). A stage has only the settings that it declares.
upstream_tool() {
	local name values=()
	for name in ${!kubernetes_@} ${!images_@} ${!conformance_@} ${!node_append@}; do values+=(-D "$name=${!name-}"); done
	"$BIN/upstream" --provider "$PROVIDER" "${values[@]}" --kubernetes-mirror "${K8S_MIRROR:-}" --cri-tools-mirror "${CRI_TOOLS_MIRROR:-}" "$@"
}

# upstream_file NAME: the absolute path of the provider's file.
upstream_file() {
	local file
	file=$(provider_file "$1") && echo "$TOP/$file"
}

# upstream_lock: the path of the provider's lock.
upstream_lock() {
	(upstream_file lock.ini 2> /dev/null) ||
		fail "$PROVIDER has no lock.ini, which pins its downloads; create it once, with network access: make pin PROVIDER=$PROVIDER"
}

# upstream_cached HEX URL: the path of the file with this SHA-256 in the user's cache; it is fetched if it is not there.
upstream_cached() {
	local dir=$KS_CACHE/downloads/sha256
	mkdir -p "$dir"
	"$BIN/fetch" --sha256 "$1" --output "$dir/$1" "$2" || return
	echo "$dir/$1"
}
