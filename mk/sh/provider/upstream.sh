# Kubernetes from upstream: what a provider downloads from dl.k8s.io and the image registries, and the lock that pins it.
# Sourced; needs lock.sh, BIN, TOP, KS_CACHE, PROVIDER, PROVIDER_DIRS, and the provider's settings.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"

upstream_programs=(kubeadm kubelet kubectl)
cri_tools=https://github.com/kubernetes-sigs/cri-tools/releases/download

# upstream_older A B: is version A older than B?
upstream_older() { [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# upstream_supported: exit with an error unless the node's system can run this Kubernetes, and its kubeadm accepts our
# configuration. Sources:
# containerd: kubelets from 1.26 on speak CRI v1 only, which containerd has since 1.6 (kubernetes.io/blog, 2022-11-18,
#   "upcoming changes in 1.26"); 1.35 is the last that works with containerd 1.x (end of support by SIG Node, in the sneak
#   peek of 1.35). containerd's table of tested pairs (containerd.io/releases) names newer patches of 1.6 from 1.29 on:
#   1.6.20 speaks the right protocol, but upstream has not tested the pair.
# cgroups: from 1.35 on the kubelet does not start on cgroup v1 (KEP-5573). Debian 12 has v2, and a kernel of 6.1.
# kubeadm: v1beta3 since 1.22, v1beta4 since 1.31 (kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4).
upstream_supported() {
	local minor need='' api=v1beta4
	[[ $kubernetes_version =~ ^1\.([0-9]+)\.[0-9]+$ ]] || fail "$PROVIDER: Kubernetes $kubernetes_version is not a release like 1.22.17"
	minor=${BASH_REMATCH[1]}
	[ "$minor" -lt 26 ] || need=1.6.0
	[ "$minor" -lt 36 ] || need=2.0.0
	[ -z "$need" ] || ! upstream_older "$kubernetes_containerd" "$need" ||
		fail "$PROVIDER: Kubernetes 1.$minor needs containerd $need or newer, the node has Debian's $kubernetes_containerd"
	[ "$minor" -lt 35 ] || [[ " ${node_append:-} " != *" systemd.unified_cgroup_hierarchy=0 "* ]] ||
		fail "$PROVIDER: Kubernetes 1.$minor does not start on cgroup v1, which [node] append selects"
	[ "$minor" -ge 31 ] || api=v1beta3
	[ "$minor" -ge 22 ] || api=v1beta2
	case $minor/${kubernetes_kubeadm_api:-} in
	22/v1beta2 | */"$api") ;;
	*) fail "$PROVIDER: kubeadm 1.$minor needs kubeadm_api = $api, not ${kubernetes_kubeadm_api:-nothing}" ;;
	esac
}

# upstream_path PROGRAM: its path below K8S_MIRROR.
upstream_path() { echo "release/v$kubernetes_version/bin/linux/amd64/$1"; }

upstream_mirror() { echo "${K8S_MIRROR:-https://dl.k8s.io}"; }

# upstream_crictl: the URL of crictl; nothing if the provider has none.
upstream_crictl() {
	[ -z "${kubernetes_crictl:-}" ] || echo "$cri_tools/v$kubernetes_crictl/crictl-v$kubernetes_crictl-linux-amd64.tar.gz"
}

# upstream_at URL: the URL, with CRI_TOOLS_MIRROR in the place of cri-tools' releases.
upstream_at() { echo "${1/#"$cri_tools"/${CRI_TOOLS_MIRROR:-$cri_tools}}"; }

# upstream_images: the names of the images of kubeadm's cluster, as the provider declares them.
upstream_images() {
	local p
	for p in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
		echo "$images_repository/$p:v$kubernetes_version"
	done
	[ "$kubernetes_dns" != coredns ] || echo "$images_repository/coredns/coredns:$images_coredns"
	printf '%s\n' "$images_repository/pause:$images_pause" "$images_repository/etcd:$images_etcd"
}

# upstream_conformance: the names of the images of Kubernetes' conformance tests, if the provider declares those that they
# run: first the tests' own image, whose tag is the version (kubernetes/kubernetes, test/conformance/image/README.md).
upstream_conformance() {
	[ -n "${conformance_images:-}" ] || return 0
	printf '%s\n' "$images_repository/conformance:v$kubernetes_version" $conformance_images
}

# upstream_pinned: the names of all images that the provider's lock must have, each once.
upstream_pinned() { { upstream_images; upstream_conformance; } | awk '!seen[$0]++'; }

# upstream_lock: the path of the provider's lock.
upstream_lock() {
	local dir
	for dir in $PROVIDER_DIRS; do
		[ ! -e "$TOP/$dir/lock.ini" ] || { echo "$TOP/$dir/lock.ini"; return; }
	done
	fail "$PROVIDER has no lock.ini, which pins its downloads; create it once, with network access: make pin PROVIDER=$PROVIDER"
}

# upstream_fits LOCK: exit with an error unless it is complete, and for this version and these images.
upstream_fits() {
	local value name key want images nl=$'\n' tab=$'\t' again="to create it again: make pin PROVIDER=$PROVIDER"
	value=$(lock_get "$1" lock version) || value=
	[ "$value" = "$kubernetes_version" ] ||
		fail "$1 is for Kubernetes ${value:-(no version)}, $PROVIDER has $kubernetes_version; $again"
	for name in "${upstream_programs[@]}" ${kubernetes_crictl:+crictl}; do
		value=$(lock_get "$1" "file $name" sha256) || value=
		[[ $value =~ ^[0-9a-f]{64}$ ]] || fail "$1: [file $name] has no sha256; $again"
		key=path want=$(upstream_path "$name")
		[ "$name" != crictl ] || key=url want=$(upstream_crictl)
		[ "$(lock_get "$1" "file $name" "$key")" = "$want" ] || fail "$1: [file $name] is not $want; $again"
	done
	images=$(lock_images "$1")
	while read -r name; do
		[[ $nl$images$nl =~ $nl"$name"${tab}sha256:[0-9a-f]{64}$nl ]] || fail "$1: no digest of the image $name; $again"
	done < <(upstream_pinned)
}

# upstream_locked LOCK: of the lock's images, those that the provider declares now, as lock_images prints them.
upstream_locked() { lock_images "$1" | awk -F '\t' 'NR == FNR { wanted[$0]; next } $1 in wanted' <(upstream_pinned) -; }

# upstream_fetch LOCK NAME: the path of [file NAME] in the user's cache; it is fetched if it is not there.
upstream_fetch() {
	local hex url
	hex=$(lock_get "$1" "file $2" sha256) || return
	url=$(lock_get "$1" "file $2" url) && url=$(upstream_at "$url") || url=$(upstream_mirror)/$(lock_get "$1" "file $2" path)
	lock_cached "$hex" "$url"
}
