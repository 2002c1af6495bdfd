# The images of a cluster that we build ourselves from the programs of the stage sources, as an OCI layout ($OUT/oci); their
# names are appended to $OUT/list. Sourced by stages, after lib.sh, debian.sh, and addon.sh and images.sh of mk/sh/provider.
# shellcheck shell=bash disable=SC2154 # the provider's settings, which the stage declares
bin=$IN_sources/bin
# The registry in their names. With source = upstream, that of Kubernetes' own images is upstream's, and none of these is in it.
own_repository=$images_repository
[ "$kubernetes_source" != upstream ] || own_repository=$images_tools_repository

# own_image NAME OCIPACK-OPTION...: add an image to the layout and to the list. Its layers are not compressed: the disk is
# compressed as a whole later.
own_image() {
	local name=$own_repository/$1
	shift
	say "packing $name"
	"$BIN/ocipack" --tag "$name" "$@" "$OUT/oci"
	echo "$name" >> "$OUT/list"
}

# own_images_base: the Debian tree that images can be --from: "$OUT/base:base".
own_images_base() {
	say "installing the pods' Debian packages"
	debian_tree "$OUT/base.tar" essential "$images_base_packages"
	"$BIN/ocipack" --tag base --owner keep --tar "$OUT/base.tar" "$OUT/base"
	rm "$OUT/base.tar"
}

# own_images_begin: the same, and the images that every Kubernetes has.
own_images_begin() {
	local p
	own_images_base
	own_image "pause:$images_pause" --file "$IN_tools/bin/pause=/pause" --entrypoint /pause
	for p in kube-apiserver kube-controller-manager kube-scheduler; do
		own_image "$p:v$kubernetes_version" --file "$bin/$p=/usr/local/bin/$p" --entrypoint "/usr/local/bin/$p"
	done
	own_image "kube-proxy:v$kubernetes_version" --from "$OUT/base:base" --file "$bin/kube-proxy=/usr/local/bin/kube-proxy"
}

# own_images_end: kubestamp-tools, and the images of add-ons, which are pulled by their digests.
own_images_end() {
	local dir inherited=() stage=$OUT/tree
	mkdir -p "$stage/usr/local/bin"
	# Inherited files are copied first, so that a provider's own files replace them.
	for dir in $PROVIDER_DIRS; do inherited=("$TOP/$dir/image/tools" "${inherited[@]}"); done
	for dir in "${inherited[@]}"; do
		[ ! -d "$dir" ] || checkout_tar "$dir" | tar -C "$stage" -xpf -
	done
	cp "$IN_tools/bin/kubehosts" "$stage/usr/local/bin/"
	own_image "kubestamp-tools:$images_tools" --from "$OUT/base:base" --tree "$stage"
	rm -rf "$stage" "$OUT/base"
	images_pinned > "$OUT/pinned"
	images_pull "$OUT/oci" "$OUT/list" < "$OUT/pinned"
}
