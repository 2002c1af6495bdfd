# A local mirror of upstream's downloads: `load lib/upstream` after lib/common and lib/registry. The programs are those of
# Kubernetes 1.20.2, which the stage sources of k8s-1.20 compiles, or another provider's.
# shellcheck shell=bash

# compiled_programs VERSION: print the directory of kubeadm, kubelet and kubectl; nothing if they are not compiled yet.
compiled_programs() {
	local dir cache=${XDG_CACHE_HOME:-$HOME/.cache}/kubestamp
	for dir in "$cache"/kubernetes/*/bin "$cache/go/programs/kubernetes-$1".*/bin "${B:-$TOP/build}"/*/sources.*/bin; do
		[ -x "$dir/kubeadm" ] && [ "$("$dir/kubeadm" version -o short)" = "v$1" ] || continue
		echo "$dir"
		return
	done
}
upstream_programs() { compiled_programs 1.20.2; }

# upstream_tree PROGRAMS ROOT [VERSION]: fill ROOT like dl.k8s.io, with a checksum beside each program.
upstream_tree() {
	local p dir=$2/release/v${3:-1.20.2}/bin/linux/amd64
	mkdir -p "$dir"
	for p in kubeadm kubelet kubectl; do
		cp -l "$1/$p" "$dir/" 2> /dev/null || cp "$1/$p" "$dir/"
		sha256sum < "$dir/$p" | cut -d' ' -f1 | tr -d '\n' > "$dir/$p.sha256"
	done
}

# The names that kubeadm 1.20.2 gives its images, with the tags that the provider declares.
upstream_names=(kube-apiserver:v1.20.2 kube-controller-manager:v1.20.2 kube-scheduler:v1.20.2 kube-proxy:v1.20.2 pause:3.2
	etcd:3.4.23)

# upstream_push REGISTRY: push small images with these names, which differ from each other, to REGISTRY, a mirror of k8s.gcr.io.
upstream_push() {
	local name layout=$BATS_TEST_TMPDIR/small tag
	for name in "${upstream_names[@]}"; do
		tag=registry.kubestamp/$name
		ocipack --tag "$tag" --label "name=$name" --file "$BIN/pause=/${name%:*}" --entrypoint "/${name%:*}" "$layout"
		regpush --tls-verify false "$layout:$tag" "$1/$name" > /dev/null
	done
}

# upstream_push_as REGISTRY LAYOUT NAME...: push images of the stage images to REGISTRY, a mirror of registry.k8s.io, as NAME:TAG
# each. In LAYOUT they are registry.kubestamp/NAME, and may have another tag.
upstream_push_as() {
	local registry=$1 layout=$2 name own
	for name in "${@:3}"; do
		own=$(ocipack --list "$layout" | awk -v name="registry.kubestamp/${name%:*}:" 'index($1, name) == 1 { print $1 }')
		[ "$(wc -w <<< "$own")" = 1 ] || { echo "$layout: not one image of $name: $own" >&2; return 1; }
		regpush --tls-verify false "$layout:$own" "$registry/$name" > /dev/null
	done
}
