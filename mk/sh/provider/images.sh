# The images of a provider: sourced by what lists, pins and bundles them. Needs BIN, TOP, KS_CACHE, PROVIDER, addon.sh and,
# for kubeadm's, render.sh and upstream.sh.
# shellcheck shell=bash

# images_provider: set the provider's settings as shell variables, as a stage's script has them, and PROVIDER_DIRS.
images_provider() {
	local own=${PROVIDER_DIRS:-providers/$PROVIDER} all
	own=${own%% *}
	PROVIDER_DIRS=$(cd "$TOP" && "$BIN/provconf" -I providers -I tests/providers --dirs "$own" | paste -sd ' ') || return
	all=$("$BIN/provconf" -I "$TOP/providers" -I "$TOP/tests/providers" -f sh "$TOP/$own") || return
	eval "$all"
	# As the stage manifests does.
	[ "${network_cni:-}" != flannel ] || manifests_apply="flannel ${manifests_apply:-}"
}

# images_get URL FILE: download a file that is not pinned yet.
images_get() {
	curl -q -sSfL --proto '=http,https,file' --proto-redir '=http,https' --max-redirs 5 --retry 3 --max-time 600 -o "$2" "$1" ||
		fail "$1 cannot be downloaded; set HTTPS_PROXY to use a proxy"
}

# images_source NAME: the image's name at its mirror; of NAME:TAG@DIGEST without the tag.
images_source() { "$BIN/upstream" --image-mirror "${IMAGE_MIRROR:-}" --source "$1"; }

# images_tls SOURCE OPTION: OPTION for a mirror on this machine, which may have no certificate.
images_tls() {
	case $1 in 127.* | localhost[:/]* | '[::1]'*) echo "$2" ;; esac
}

# images_digests: for each image of standard input, a line "IMAGE<tab>DIGEST": its current digest in its registry.
images_digests() {
	local name source digest
	while read -r name; do
		echo "asking    $name" >&2
		source=$(images_source "$name")
		# shellcheck disable=SC2046 # an option or none
		digest=$(skopeo inspect $(images_tls "$source" --tls-verify=false) --no-tags --format '{{.Digest}}' "docker://$source" < /dev/null) ||
			fail "$name: its registry cannot be queried; set IMAGE_MIRROR=host[:port]/path to use another one"
		printf '%s\t%s\n' "$name" "$digest"
	done
}

# images_addon NAME DIR: write the add-on's files to DIR, and a line "IMAGE<tab>what names it" for each of its images.
images_addon() {
	addon_tool --output "$2" "$1" && { "$BIN/kubeimages" --long "$2"/* && addon_tool --images "$1"; } |
		awk -F '\t' -v name="$1" '{ print $1 "\tadd-on " name ": " (NF > 1 ? $2 ", " $3 : "declared in its addon.ini") }'
}

# images_kubeadm DIR: the images that kubeadm names for the provider's configuration, which is written to DIR; nothing if
# there is no kubeadm yet.
images_kubeadm() {
	local config
	[ -x "${KUBEADM:-}" ] || return 0
	config=$(upstream_file kubeadm/config.yaml) || return
	{ kube_render "$config" > "$1/config" && "$KUBEADM" config images list --config "$1/config"; } 2> "$1/said" ||
		{ cat "$1/said" >&2; return 1; }
}

# images_pinned: of what the provider includes and declares, the images that are pulled: a line "IMAGE<tab>DIGEST" each.
images_pinned() { addon_tool --pinned ${addons_include:-}; }

# images_keep: pull the images of standard input, lines "IMAGE<tab>DIGEST", into the user's cache: an OCI layout in which
# the digits of the digest are the tag.
images_keep() {
	local name digest source store=$KS_CACHE/images-oci
	while IFS=$'\t' read -r name digest; do
		! skopeo inspect --raw "oci:$store:${digest#sha256:}" > /dev/null 2>&1 || continue
		echo "pulling   $name"
		mkdir -p "$store"
		source=$(images_source "$name@$digest")
		# shellcheck disable=SC2046 # an option or none
		skopeo copy -q --override-os linux --override-arch amd64 --retry-times 3 $(images_tls "$source" --src-tls-verify=false) \
			"docker://$source" "oci:$store:${digest#sha256:}" < /dev/null ||
			fail "$name: cannot be pulled by its digest $digest; set IMAGE_MIRROR=host[:port]/path to use another registry"
	done
}

# images_copy LAYOUT TAG LAYOUT [TAG]: copy an image from one OCI layout to another, under the same tag or another.
images_copy() { skopeo copy -q "oci:$1:$2" "oci:$3:${4:-$2}" < /dev/null; }

# images_pull LAYOUT LIST: images_keep, then copy the images to the OCI layout, and append their names to LIST.
images_pull() {
	local name digest pinned
	pinned=$(cat)
	[ -n "$pinned" ] || return 0
	images_keep <<< "$pinned" || return
	while IFS=$'\t' read -r name digest; do
		images_copy "$KS_CACHE/images-oci" "${digest#sha256:}" "$1" "$name" || return
		echo "$name" >> "$2"
	done <<< "$pinned"
}

# images_count LOCK: how many files and images it pins.
images_count() { echo "$("$BIN/lockfile" --names file "$1" | wc -l) files, $("$BIN/lockfile" --names image "$1" | wc -l) images"; }
