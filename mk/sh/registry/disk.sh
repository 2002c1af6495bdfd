# The disk of a provider's image as windows of 16 MiB: publish sends them next to the image, and cluster-up IMAGE= makes the
# disk's layer from an earlier one and the windows that changed. Sourced; needs registry.sh, and $access.
#
# The layer is an uncompressed tar that contains the disk, a compressed qcow2. A small change in the disk changes nearly
# every byte of that file, so the windows hold what a guest sees: an artifact (ocipack(1)) that refers to the image. Its
# annotations hold the rest of what is needed to make the same layer again, byte for byte:
#
#   org.kubestamp.layer.digest    the layer's digest
#   org.kubestamp.layer.path      the disk's path in it
#   org.kubestamp.layer.head      the bytes before the disk, in base64
#   org.kubestamp.layer.tail      the digest of the bytes after it
#   org.kubestamp.disk.options    options of qemu-img for the disk
#   org.kubestamp.disk.probe      the digest of a sample made by qemu-img with them: other versions may write other bytes
# shellcheck shell=bash

DISK_PATH=usr/share/kubestamp/disk/base.qcow2
# The head consists of some tar headers and must fit in an annotation.
DISK_HEAD_MAX=65536

# disk_find LAYOUT MANIFEST: print "HEX OFFSET SIZE", the uncompressed layer of the image that contains the disk, and the
# disk's place in it.
disk_find() {
	local hex blob offset size
	while read -r hex; do
		blob=$1/blobs/sha256/$hex
		cmp -s -n 5 -i 257:0 "$blob" <(printf ustar) || continue
		read -r offset size < <(tar --force-local --numeric-owner --block-number --occurrence=1 -tvf "$blob" "$DISK_PATH" 2> /dev/null |
			awk '$3 ~ /^-/ { print ($2 + 1) * 512, $5 }') || continue
		cmp -s -n 4 -i "$offset:0" "$blob" <(printf 'QFI\373') && { echo "$hex $offset $size"; return; }
	done < <(jq -r '.layers[]? | select(.mediaType == "application/vnd.oci.image.layer.v1.tar").digest |
		capture("^sha256:(?<hex>[0-9a-f]{64})$").hex' "$2")
	return 1
}

# disk_find_earlier LAYOUT REPO: like disk_find for the newest image in LAYOUT that has a disk; images of REPO come first.
disk_find_earlier() {
	local digest
	while read -r _ _ digest; do
		disk_find "$1" "$1/blobs/sha256/${digest#sha256:}" && return
	done < <("$BIN/ocipack" --list "$1" 2> /dev/null | tac | awk -v repo="$2" '{ print index($1, repo) != 1, $0 }' | sort -s -k 1,1n)
	return 1
}

# disk_inner BLOB OFFSET SIZE: the disk within the layer, for qemu-img. Any backing file that it names is ignored.
disk_inner() {
	jq -nr --arg file "$(realpath "$1")" --argjson offset "$2" --argjson size "$3" '"json:" + ({driver: "qcow2", backing: null,
		file: {driver: "raw", $offset, $size, file: {driver: "file", filename: $file}}} | tojson)'
}

# disk_view BLOB OFFSET SIZE FILE: make FILE an overlay of that disk.
disk_view() { qemu-img create -q -f qcow2 -F qcow2 -b "$(disk_inner "$1" "$2" "$3")" "$4"; }

# disk_convert OPTIONS FROM TO: convert a raw disk to qcow2 as the stage disk does, with the same result every time.
disk_convert() { qemu-img convert -q -m 2 -f raw -O qcow2 -c -o "$1" "$2" "$3"; }

# disk_probe OPTIONS DIR: the digest of the sample.
disk_probe() {
	seq 500000 > "$2/sample" && truncate -s 4M "$2/sample" && disk_convert "$1" "$2/sample" "$2/sample.qcow2" &&
		sha256 "$2/sample.qcow2"
}

# disk_tail BLOB FROM: the digest of the bytes from FROM on.
disk_tail() { sha256 <(tail -c "+$(($2 + 1))" "$1"); }

# disk_pack LAYOUT BLOB OFFSET SIZE DIR [OPTION...]: add the disk to LAYOUT as the artifact "disk", which refers to its image
# "image". DIR is for temporary files.
disk_pack() {
	local to=$1 blob=$2 offset=$3 size=$4 dir=$5 options probe head tail
	shift 5
	[ "$offset" -le "$DISK_HEAD_MAX" ] || fail "the disk is not at the beginning of its layer"
	options=$(qemu-img info --output=json "$(disk_inner "$blob" "$offset" "$size")" |
		jq -r '"compression_type=\(.["format-specific"].data["compression-type"]),cluster_size=\(.["cluster-size"])"') &&
		probe=$(disk_probe "$options" "$dir") && head=$(head -c "$offset" "$blob" | base64 -w 0) &&
		tail=$(disk_tail "$blob" $((offset + size))) && disk_view "$blob" "$offset" "$size" "$dir/view.qcow2" || return
	"$BIN/ocipack" -t disk --disk "$dir/view.qcow2" --subject image "$@" \
		--annotation "org.kubestamp.layer.digest=sha256:${blob##*/}" --annotation "org.kubestamp.layer.path=$DISK_PATH" \
		--annotation "org.kubestamp.layer.head=$head" --annotation "org.kubestamp.layer.tail=$tail" \
		--annotation "org.kubestamp.disk.options=$options" --annotation "org.kubestamp.disk.probe=$probe" "$to"
}

# disk_plan NAME FILE [OPTION...]: write regpull's list of the windows of the disk that refers to the image NAME to FILE, and
# print the digest of the artifact, which is last in it.
disk_plan() {
	timeout 600 "$BIN/regpull" -n -r 1 "${access[@]}" --disk disk "${@:3}" "$1" > "$2" && tail -n 1 "$2" | cut -d' ' -f1
}

# disk_note FILE NAME: print an annotation of the manifest in FILE.
disk_note() { jq -r --arg name "org.kubestamp.$2" '.annotations[$name] // ""' "$1"; }

# disk_usable REPO DIR LAYOUT: with the image's manifest in $DIR/image and the earlier disk in $DIR/view.qcow2, get the manifest of
# the disk's artifact ($DIR/disk) and set artifact, layer (hex digits) and options. Fails with the reason on standard output
# if the artifact cannot be used or most of it would have to be downloaded, and silently if LAYOUT has the layer. Anyone with write access to the registry may
# have made the artifact: nothing that could name a file is passed to qemu-img.
disk_usable() {
	local size new
	artifact=$(disk_plan "$1@$(sha256 "$2/image")" "$2/plan") && registry_manifest "$1@$artifact" > "$2/disk" &&
		layer=$(disk_note "$2/disk" layer.digest) && options=$(disk_note "$2/disk" disk.options) || return
	[[ $layer =~ ^sha256:[0-9a-f]{64}$ && $options =~ ^compression_type=[a-z]+,cluster_size=[0-9]+$ ]] ||
		{ echo "invalid annotations"; return 1; }
	size=$(jq --arg layer "$layer" '[.layers[]? | select(.digest == $layer).size][0] // empty' "$2/image")
	[ -n "$size" ] || { echo "not of a layer of the image"; return 1; }
	layer=${layer#sha256:}
	[ ! -e "$3/blobs/sha256/$layer" ] && [ ! -e "$3/blob.$layer" ] || return
	disk_plan "$1@$artifact" "$2/plan" --reuse "$2/view.qcow2" > /dev/null || return
	new=$(plan_bytes "$2/plan")
	[ "$new" -le $((size / 2)) ] || { echo "$new bytes are new, of a layer of $size"; return 1; }
	[ "$(disk_note "$2/disk" disk.probe)" = "$(disk_probe "$options" "$2")" ] ||
		{ echo "qemu-img here writes other bytes than where the disk was published"; return 1; }
}

# plan_bytes FILE: the sum of the sizes in a list of regpull -n or regpush -n.
plan_bytes() { awk '{ sum += $2 } END { printf "%.0f\n", sum }' "$1"; }

# disk_layer REPO DIR BLOB END: make $DIR/layer from the windows and the earlier layer BLOB, whose disk ends at END. The bytes
# after the disk are left out if they changed.
disk_layer() {
	"$BIN/regpull" -t 14400 "${access[@]}" --disk "$2/raw" --format raw --reuse "$2/view.qcow2" "$1@$artifact" > /dev/null &&
		disk_convert "$options" "$2/raw" "$2/disk.qcow2" && rm "$2/raw" &&
		disk_note "$2/disk" layer.head | base64 -d > "$2/layer" && cat "$2/disk.qcow2" >> "$2/layer" || return
	[ "$(disk_tail "$3" "$4")" != "$(disk_note "$2/disk" layer.tail)" ] || tail -c "+$(($4 + 1))" "$3" >> "$2/layer"
}

# disk_restore NAME LAYOUT DIR: the image NAME of a registry is about to be pulled into LAYOUT. Makes its layer with the disk
# as far as possible, and leaves it where regpull keeps blobs that are incomplete: regpull gets the rest, verifies the digest,
# and downloads the whole layer if it is wrong. Without an earlier disk that is just as fast. The last line printed is the
# result.
disk_restore() {
	local name=$1 layout=$2 dir=$3 repo=${1%@*} old hex offset length layer options artifact
	[[ $name == *@* ]] || repo=${name%:*}
	old=$(disk_find_earlier "$layout" "$repo") || return
	read -r hex offset length <<< "$old"
	old=$layout/blobs/sha256/$hex
	registry_manifest "$name" > "$dir/image" || return
	# If the layout has the manifest, it has the layers too, or regpull has begun to download them.
	[ ! -e "$layout/blobs/sha256/$(sha256 "$dir/image" | cut -d: -f2)" ] &&
		disk_view "$old" "$offset" "$length" "$dir/view.qcow2" && disk_usable "$repo" "$dir" "$layout" || return
	# ln fails if another process has begun to download the layer.
	disk_layer "$repo" "$dir" "$old" $((offset + length)) && ln "$dir/layer" "$layout/blob.$layer" &&
		echo "made sha256:$layer from them and sha256:$hex"
}
