# A local mirror of upstream's downloads: `load lib/upstream` after lib/common and lib/registry. The programs are those of
# Kubernetes 1.20.2, which the stage sources of k8s-1.20 compiles.
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

# upstream_tree PROGRAMS ROOT: fill ROOT like dl.k8s.io, with a checksum beside each program.
upstream_tree() {
	local p dir=$2/release/v1.20.2/bin/linux/amd64
	mkdir -p "$dir"
	for p in kubeadm kubelet kubectl; do
		cp -l "$1/$p" "$dir/" 2> /dev/null || cp "$1/$p" "$dir/"
		sha256sum < "$dir/$p" | cut -d' ' -f1 | tr -d '\n' > "$dir/$p.sha256"
	done
}

# The names that kubeadm 1.20.2 gives its images, with the tags that the provider declares.
upstream_names=(kube-apiserver:v1.20.2 kube-controller-manager:v1.20.2 kube-scheduler:v1.20.2 kube-proxy:v1.20.2 pause:3.2
	etcd:3.4.23)

# upstream_push REGISTRY [LAYOUT]: push images with these names to REGISTRY, a mirror of k8s.gcr.io: those in LAYOUT, the layout
# of k8s-1.20, or small images that differ from each other.
upstream_push() {
	local name layout=${2:-} tag
	for name in "${upstream_names[@]}"; do
		tag=registry.kubestamp/$name
		if [ -z "${2:-}" ]; then
			layout=$BATS_TEST_TMPDIR/small
			ocipack --tag "$tag" --label "name=$name" --file "$BIN/pause=/${name%:*}" --entrypoint "/${name%:*}" "$layout"
		fi
		regpush --tls-verify false "$layout:$tag" "$1/$name" > /dev/null
	done
}
