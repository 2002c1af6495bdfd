# The disk of a provider's image in chunks: publish sends them beside the image, and cluster-up IMAGE= makes the disk's
# layer of an earlier one and of the chunks that are new. Sourced. $access is registry_access's.
#
# The layer is an uncompressed tar, in it the disk, a compressed qcow2, of which a small change moves nearly every byte.
# So the chunks are of what a guest sees: an artifact (ocipack(1)) that refers to the image. Its annotations say what
# else makes the very bytes of the layer again:
#
#   org.kubestamp.layer.digest    of the layer
#   org.kubestamp.layer.path      of the disk in it
#   org.kubestamp.layer.head      what comes before the disk, in base64
#   org.kubestamp.layer.tail      the digest of what comes after it
#   org.kubestamp.disk.options    of qemu-img, for the disk
#   org.kubestamp.disk.probe      the digest of what qemu-img makes of a sample with them: another one may make other bytes
# shellcheck shell=bash

CHUNKS_PATH=usr/share/kubestamp/disk/base.qcow2
# The head is some headers of a tar: what is longer is none, and no annotation.
CHUNKS_HEAD=65536

# chunks_layers MANIFEST: "HEX SIZE" of each of the image's layers that is not compressed.
chunks_layers() {
	sed 's/[{}]/\n/g' "$1" |
		sed -nE '/"application\/vnd\.oci\.image\.layer\.v1\.tar"/s/.*"digest": *"sha256:([0-9a-f]{64})".*"size": *([0-9]+).*/\1 \2/p'
}

# chunks_place BLOB: "OFFSET SIZE" of the disk in a layer that has one.
chunks_place() {
	local offset size
	cmp -s -n 5 -i 257:0 "$1" <(printf ustar) || return
	read -r offset size < <(tar --force-local --numeric-owner --block-number --occurrence=1 -tvf "$1" "$CHUNKS_PATH" 2> /dev/null |
		awk '$3 ~ /^-/ { print ($2 + 1) * 512, $5 }') || return
	cmp -s -n 4 -i "$offset:0" "$1" <(printf 'QFI\373') && echo "$offset $size"
}

# chunks_find LAYOUT MANIFEST: "HEX OFFSET SIZE": the image's layer with the disk, and where that is in it.
chunks_find() {
	local hex size place
	while read -r hex size; do
		place=$(chunks_place "$1/blobs/sha256/$hex") && { echo "$hex $place"; return; }
	done < <(chunks_layers "$2")
	return 1
}

# chunks_earlier LAYOUT REPO: as chunks_find, of the newest image in LAYOUT that has a disk, those of REPO first.
chunks_earlier() {
	local first name digest
	while read -r first name digest; do
		chunks_find "$1" "$1/blobs/sha256/${digest#sha256:}" && return
	done < <("$BIN/ocipack" --list "$1" 2> /dev/null | tac | awk -v repo="$2" '{ print index($1, repo) != 1, $0 }' | sort -s -k 1,1n)
	return 1
}

# chunks_inner BLOB OFFSET SIZE: the disk in the layer as qemu opens it there, and no file that it may name.
chunks_inner() {
	printf 'json:{"driver":"qcow2","backing":null,"file":{"driver":"raw","offset":%s,"size":%s,"file":{"driver":"file","filename":"%s"}}}' \
		"$2" "$3" "$(realpath "$1")"
}

# chunks_view BLOB OFFSET SIZE FILE: FILE shows what is in that disk, of which nothing is copied.
chunks_view() { qemu-img create -q -f qcow2 -F qcow2 -b "$(chunks_inner "$1" "$2" "$3")" "$4"; }

# chunks_options BLOB OFFSET SIZE: what the disk was made with.
chunks_options() {
	local info cluster kind
	info=$(qemu-img info --output=json "$(chunks_inner "$@")") || return
	cluster=$(sed -nE 's/^ *"cluster-size": ([0-9]+),?$/\1/p' <<< "$info")
	kind=$(sed -nE 's/^ *"compression-type": "([a-z]+)",?$/\1/p' <<< "$info")
	echo "compression_type=$kind,cluster_size=$cluster"
}

# chunks_convert OPTIONS FROM TO: a raw disk becomes a qcow2, as the stage disk does it: the same every time.
chunks_convert() { qemu-img convert -q -m 2 -f raw -O qcow2 -c -o "$1" "$2" "$3"; }

# chunks_probe OPTIONS DIR: the digest of the sample.
chunks_probe() {
	seq 500000 > "$2/sample" && truncate -s 4M "$2/sample" && chunks_convert "$1" "$2/sample" "$2/sample.qcow2" &&
		sha256sum < "$2/sample.qcow2" | sed 's/ .*//; s/^/sha256:/'
}

# chunks_tail BLOB FROM: the digest of what comes at FROM and after.
chunks_tail() { tail -c "+$(($2 + 1))" "$1" | sha256sum | sed 's/ .*//; s/^/sha256:/'; }

# chunks_pack LAYOUT BLOB OFFSET SIZE DIR [OPTION...]: the disk becomes the artifact "disk" of the layout, about its image
# "image". DIR is for what is needed on the way.
chunks_pack() {
	local to=$1 blob=$2 offset=$3 size=$4 dir=$5 options probe head tail
	shift 5
	[ "$offset" -le "$CHUNKS_HEAD" ] || { echo "error: the layer of the disk does not begin with it" >&2; return 1; }
	options=$(chunks_options "$blob" "$offset" "$size") && probe=$(chunks_probe "$options" "$dir") &&
		head=$(head -c "$offset" "$blob" | base64 -w 0) && tail=$(chunks_tail "$blob" $((offset + size))) &&
		chunks_view "$blob" "$offset" "$size" "$dir/view.qcow2" || return
	"$BIN/ocipack" -t disk --disk "$dir/view.qcow2" --subject image "$@" \
		--annotation "org.kubestamp.layer.digest=sha256:${blob##*/}" --annotation "org.kubestamp.layer.path=$CHUNKS_PATH" \
		--annotation "org.kubestamp.layer.head=$head" --annotation "org.kubestamp.layer.tail=$tail" \
		--annotation "org.kubestamp.disk.options=$options" --annotation "org.kubestamp.disk.probe=$probe" "$to"
}

# chunks_plan REPO IMAGE [OPTION...]: regpull's list of the chunks of the disk that refers to the image (a tag with its
# colon, or @ and a digest), the artifact itself last.
chunks_plan() { timeout 600 "$BIN/regpull" -n -r 1 "${access[@]}" --disk disk "${@:3}" "$1$2"; }

# chunks_note FILE NAME: the annotation of the manifest; nothing if it has none.
chunks_note() { sed -nE 's/.*"org\.kubestamp\.'"${2//./\\.}"'": *"([^"]*)".*/\1/p' "$1"; }

# chunks_promise REPO DIR: of $DIR/image, the image's manifest, to the artifact's, $DIR/disk. Sets artifact, layer (its
# digits), size (of the layer) and options; fails where the artifact is of no use here. Whoever may write to the registry
# may have written it: qemu-img is told nothing that could name a file.
chunks_promise() {
	chunks_plan "$1" "@sha256:$(sha256sum < "$2/image" | cut -d' ' -f1)" > "$2/plan" &&
		artifact=$(tail -n 1 "$2/plan" | cut -d' ' -f1) &&
		timeout 60 skopeo inspect --raw "${access[@]}" "docker://$1@$artifact" > "$2/disk" || return
	layer=$(chunks_note "$2/disk" layer.digest)
	options=$(chunks_note "$2/disk" disk.options)
	[[ $layer =~ ^sha256:[0-9a-f]{64}$ && $options =~ ^compression_type=[a-z]+,cluster_size=[0-9]+$ ]] ||
		{ echo "their annotations are not understood"; return 1; }
	layer=${layer#sha256:}
	size=$(chunks_layers "$2/image" | awk -v hex="$layer" '$1 == hex { size = $2 } END { print size }')
	[ -n "$size" ] || { echo "they are of no layer of the image"; return 1; }
}

# chunks_worth REPO DIR: is it worth its while? Most of the disk has to be in the earlier one, $DIR/view.qcow2, and qemu-img
# to be as it was.
chunks_worth() {
	local new
	chunks_plan "$1" "@$artifact" --reuse "$2/view.qcow2" > "$2/plan" || return
	new=$(awk '{ s += $2 } END { printf "%.0f", s }' "$2/plan")
	[ "$new" -le $((size / 2)) ] || { echo "$new bytes of them are new, and the layer is $size"; return 1; }
	[ "$(chunks_note "$2/disk" disk.probe)" = "$(chunks_probe "$options" "$2")" ] ||
		{ echo "qemu-img makes other disks here than where they come from"; return 1; }
}

# chunks_layer REPO DIR BLOB END: $DIR/layer becomes the layer, of the chunks and of the earlier one, BLOB, whose disk ends
# at END; without what comes after the disk if that is not as it was.
chunks_layer() {
	"$BIN/regpull" -t 14400 "${access[@]}" --disk "$2/raw" --format raw --reuse "$2/view.qcow2" "$1@$artifact" > /dev/null &&
		chunks_convert "$options" "$2/raw" "$2/disk.qcow2" && rm "$2/raw" &&
		chunks_note "$2/disk" layer.head | base64 -d > "$2/layer" && cat "$2/disk.qcow2" >> "$2/layer" || return
	[ "$(chunks_tail "$3" "$4")" != "$(chunks_note "$2/disk" layer.tail)" ] || tail -c "+$(($4 + 1))" "$3" >> "$2/layer"
}

# chunks_restore NAME LAYOUT DIR: the image NAME of a registry is about to come into LAYOUT. What can be made here of its
# layer with the disk goes where regpull looks for what has come of it: that gets the rest, compares the digest, and gets
# all of it if that is another. Without an earlier disk the layer itself is as cheap. The last line says what became of it.
chunks_restore() {
	local name=$1 layout=$2 dir=$3 repo=${1%@*} old earlier offset length layer size options artifact
	[[ $name == *@* ]] || repo=${name%:*}
	old=$(chunks_earlier "$layout" "$repo") || return
	read -r earlier offset length <<< "$old"
	old=$layout/blobs/sha256/$earlier
	timeout 60 skopeo inspect --raw "${access[@]}" "docker://$name" > "$dir/image" || return
	# Its manifest is here: so are its layers, or some of each.
	[ ! -e "$layout/blobs/sha256/$(sha256sum < "$dir/image" | cut -d' ' -f1)" ] && chunks_promise "$repo" "$dir" &&
		[ ! -e "$layout/blobs/sha256/$layer" ] && [ ! -e "$layout/blob.$layer" ] &&
		chunks_view "$old" "$offset" "$length" "$dir/view.qcow2" && chunks_worth "$repo" "$dir" || return
	# Another process may be getting it too: what that has is not replaced.
	chunks_layer "$repo" "$dir" "$old" $((offset + length)) && ln "$dir/layer" "$layout/blob.$layer" &&
		echo "sha256:$layer is made of them, and of sha256:$earlier"
}
