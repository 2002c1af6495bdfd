# Kubernetes from upstream (upstream(1)), and the cache of downloads. Sourced; needs BIN, TOP, KS_CACHE, PROVIDER,
# PROVIDER_DIRS, and the provider's settings.
# shellcheck shell=bash
. "$TOP/mk/sh/common/conf.sh"
. "$TOP/mk/sh/provider/file.sh"

# upstream_tool OPTION...: run upstream(1). A stage has only the settings that it declares. The node's containerd may be one of
# the provider's modules.
upstream_tool() {
	local module defines containerd=()
	conf_defines kubernetes_ images_ conformance_ node_append
	for module in ${go_modules:-}; do
		[[ $module != containerd-[0-9]* ]] || containerd=(-D "kubernetes_containerd=${module#containerd-}")
	done
	"$BIN/upstream" --provider "$PROVIDER" "${containerd[@]}" "${defines[@]}" --kubernetes-mirror "${K8S_MIRROR:-}" --cri-tools-mirror "${CRI_TOOLS_MIRROR:-}" "$@"
}

# upstream_file NAME: the absolute path of the provider's file.
upstream_file() {
	local file
	file=$(provider_file "$1") && echo "$TOP/$file"
}

# upstream_lock: the path of the provider's lock.
upstream_lock() {
	(upstream_file lock.ini 2> /dev/null) ||
		fail "$PROVIDER has no lock.ini, which pins its downloads; create it once, with network access: make pin PROVIDER=$PROVIDER SOURCE=upstream"
}

# upstream_pins: the path of the provider's lock, if it takes Kubernetes from upstream and has one.
upstream_pins() { [ "${kubernetes_source:-}" != upstream ] || (upstream_file lock.ini 2> /dev/null) || true; }

# upstream_cached HEX URL: the path of the file with this SHA-256 in the user's cache; it is fetched if it is not there.
upstream_cached() {
	local dir=$KS_CACHE/downloads/sha256
	mkdir -p "$dir"
	"$BIN/fetch" --sha256 "$1" --output "$dir/$1" "$2" || return
	echo "$dir/$1"
}

# upstream_programs DIR: for the stage sources: put the files that the provider's lock pins into DIR, from the user's cache or
# downloaded.
upstream_programs() {
	local lock files name url hex file
	lock=$(upstream_lock)
	files=$(upstream_tool --supported --lock "$lock" --files)
	while IFS=$'\t' read -r name url hex; do
		say "$url"
		file=$(upstream_cached "$hex" "$url")
		case $name in
		crictl) tar -C "$1" --no-same-owner -xzf "$file" crictl ;;
		*) install -D -m 755 "$file" "$1/$name" ;;
		esac
	done <<< "$files"
}

# upstream_images LAYOUT LIST: for the stage images, which sources images.sh too: pull the images that the provider's lock pins,
# by their digests, into an OCI layout, and append their names to LIST.
upstream_images() {
	local lock images
	lock=$(upstream_lock)
	images=$(upstream_tool --lock "$lock" --images)
	images_pull "$1" "$2" <<< "$images"
}
