# The images of a provider: sourced by what lists, pins and bundles them. Needs lock.sh and addon.sh.
# shellcheck shell=bash

# images_provider: set the provider's settings as shell variables, as a stage's script has them.
images_provider() {
	local all
	all=$("$BIN/provconf" -I "$TOP/providers" -I "$TOP/tests/providers" -f sh "$TOP/${PROVIDER_DIRS%% *}") || return
	eval "$all"
}

# images_get URL FILE: download a file that is not pinned yet.
images_get() {
	curl -sSfL --proto '=http,https,file' --proto-redir '=http,https' --max-redirs 5 --retry 3 --max-time 600 -o "$2" "$1" ||
		fail "$1 cannot be fetched; HTTPS_PROXY names a proxy"
}

# images_source NAME: the image's name at its mirror. IMAGE_MIRROR is a list of HOST=PLACE, a PLACE (host[:port]/path) for
# each registry, and one PLACE for all others.
images_source() {
	local word place=''
	for word in ${IMAGE_MIRROR:-}; do
		case $word in
		"${1%%/*}"=*) place=${word#*=}; break ;;
		*=*) ;;
		*) place=$word ;;
		esac
	done
	if [ -n "$place" ]; then echo "$place/${1#*/}"; else echo "$1"; fi
}

# images_tls SOURCE OPTION: OPTION for a mirror on this machine, which may have no certificate.
images_tls() {
	case $1 in 127.* | localhost[:/]* | '[::1]'*) echo "$2" ;; esac
}

# images_digest NAME: the current digest of the image in its registry.
images_digest() {
	# shellcheck disable=SC2046 # an option or none
	skopeo inspect $(images_tls "$(images_source "$1")" --tls-verify=false) --no-tags --format '{{.Digest}}' "docker://$(images_source "$1")" ||
		fail "$1: its registry cannot be asked; IMAGE_MIRROR=host[:port]/path names another"
}

# images_addon NAME: a line "IMAGE<tab>what names it" for each image of the add-on.
images_addon() {
	local dir rc=0
	dir=$(mktemp -d)
	if addon_files "$1" "$dir/files" && "$BIN/kubeimages" --long "$dir"/files/* > "$dir/list" && addon_declared "$1" > "$dir/more"; then
		awk -F '\t' -v name="$1" '{ print $1 "\tadd-on " name ": " (NF > 1 ? $2 ", " $3 : "declared in its addon.ini") }' "$dir/list" "$dir/more"
	else
		rc=1
	fi
	rm -rf "$dir"
	return "$rc"
}

# images_kubeadm: the images that kubeadm names for the provider's configuration; nothing if there is no kubeadm yet.
images_kubeadm() {
	local config rc=0 dir
	[ -x "${KUBEADM:-}" ] || return 0
	dir=$(mktemp -d)
	config=$(images_file kubeadm/config.yaml) && kube_render "$config" > "$dir/config" &&
		"$KUBEADM" config images list --config "$dir/config" 2> "$dir/said" | sed 's/$/\tkubeadm/' || { cat "$dir/said" >&2; rc=1; }
	rm -rf "$dir"
	return "$rc"
}

# images_locked NAME...: "IMAGE<tab>DIGEST" for each image in the add-ons' locks, sorted.
images_locked() {
	local lock locks
	locks=$(addon_lock "$@") || return
	for lock in $locks; do lock_images "$lock" || return; done | sort -u
}

# images_pinned: of what the provider includes and declares, the images that are pulled, as images_locked prints them.
images_pinned() {
	local image names
	names=$(addon_needs ${addons_include:-}) || return
	images_locked $names || return
	for image in ${images_extra:-}; do
		[[ $image =~ ^(.+)@(sha256:[0-9a-f]{64})$ ]] ||
			fail "[images] extra: $image: has no digest; write NAME:TAG@sha256:..."
		printf '%s\t%s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
	done
}

# images_keep: pull the images of standard input, lines "IMAGE<tab>DIGEST", into the user's cache: an OCI layout in which
# the digits of the digest are the tag.
images_keep() {
	local name digest store=$KS_CACHE/images-oci
	while IFS=$'\t' read -r name digest; do
		! skopeo inspect --raw "oci:$store:${digest#sha256:}" > /dev/null 2>&1 || continue
		echo "pulling   $name"
		mkdir -p "$store"
		# shellcheck disable=SC2046 # an option or none
		skopeo copy -q --override-os linux --override-arch amd64 --retry-times 3 $(images_tls "$(images_source "$name")" --src-tls-verify=false) \
			"docker://$(images_untagged "$(images_source "$name")")@$digest" "oci:$store:${digest#sha256:}" < /dev/null ||
			fail "$name: cannot be pulled by its digest $digest; IMAGE_MIRROR=host[:port]/path names another registry"
	done
}

# images_pull LAYOUT LIST: images_keep, then copy the images to the OCI layout, and append their names to LIST.
images_pull() {
	local name digest pinned
	pinned=$(cat)
	[ -n "$pinned" ] || return 0
	images_keep <<< "$pinned" || return
	while IFS=$'\t' read -r name digest; do
		skopeo copy -q "oci:$KS_CACHE/images-oci:${digest#sha256:}" "oci:$1:$name" < /dev/null || return
		echo "$name" >> "$2"
	done <<< "$pinned"
}

# images_untagged NAME: the name without its tag and digest.
images_untagged() { sed -E 's/@.*//; s/:[^:/]*$//' <<< "$1"; }

# images_file NAME: the path of the provider's file.
images_file() {
	local dir
	for dir in $PROVIDER_DIRS; do
		[ ! -e "$TOP/$dir/$1" ] || { echo "$TOP/$dir/$1"; return; }
	done
	fail "$1 is in none of: $PROVIDER_DIRS"
}

# images_all: all of the provider's images, each with what names it, sorted. If one source fails, the others are still
# printed.
images_all() {
	local name image rc=0
	{
		images_kubeadm || rc=1
		for image in ${images_extra:-}; do printf '%s\t[images] extra\n' "${image%@*}"; done
		for name in ${manifests_apply:-} ${addons_include:-}; do images_addon "$name" || rc=1; done
		[ "$rc" = 0 ]
	} | sort -u
}
