# Kubernetes from upstream: what a provider takes from dl.k8s.io and the image registries, and the lock that says what it
# must be. Sourced; needs lock.sh, BIN, TOP, KS_CACHE, PROVIDER, PROVIDER_DIRS, and the provider's values.
# shellcheck shell=bash

upstream_programs=(kubeadm kubelet kubectl)
cri_tools=https://github.com/kubernetes-sigs/cri-tools/releases/download

upstream_fail() { printf 'error: %s\n' "$*" >&2; return 1; }

# upstream_minor: 22 of 1.22.17.
upstream_minor() { local minor=${kubernetes_version#*.}; echo "${minor%%.*}"; }

# upstream_older A B: is version A older than B?
upstream_older() { [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# upstream_supported: can this node's system run this Kubernetes, and does its kubeadm take such a configuration? Sources:
# containerd: kubelets from 1.26 on speak CRI v1 only, which containerd has since 1.6 (kubernetes.io/blog, 2022-11-18,
#   "upcoming changes in 1.26"); 1.35 is the last that takes a containerd 1.x (SIG Node's end of support, in the sneak
#   peek of 1.35). Of the pairs between, containerd's own table of tested ones (containerd.io/releases) names newer
#   patches of 1.6 from 1.29 on: for these 1.6.20 speaks the right protocol, and is not tested by anybody.
# cgroups: from 1.35 on the kubelet does not start on cgroup v1 (KEP-5573). Debian 12 has v2, and a kernel of 6.1.
# kubeadm: v1beta3 since 1.22, v1beta4 since 1.31 (kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4).
upstream_supported() {
	local minor need='' api
	minor=$(upstream_minor)
	[[ $kubernetes_version =~ ^1\.[0-9]+\.[0-9]+$ ]] || { upstream_fail "$PROVIDER: Kubernetes $kubernetes_version: a release is wanted, like 1.22.17"; return; }
	[ "$minor" -lt 26 ] || need=1.6.0
	[ "$minor" -lt 36 ] || need=2.0.0
	[ -z "$need" ] || ! upstream_older "$kubernetes_containerd" "$need" ||
		{ upstream_fail "$PROVIDER: Kubernetes 1.$minor wants containerd $need or newer, the node has Debian's $kubernetes_containerd"; return; }
	[ "$minor" -lt 35 ] || [[ " ${node_append:-} " != *" systemd.unified_cgroup_hierarchy=0 "* ]] ||
		{ upstream_fail "$PROVIDER: Kubernetes 1.$minor does not start on cgroup v1, which [node] append asks for"; return; }
	if [ "$minor" -lt 22 ]; then api=v1beta2; elif [ "$minor" -lt 31 ]; then api=v1beta3; else api=v1beta4; fi
	case $minor/${kubernetes_kubeadm_api:-} in
	22/v1beta2) ;;
	*/"$api") ;;
	*) upstream_fail "$PROVIDER: kubeadm 1.$minor wants kubeadm_api = $api, not ${kubernetes_kubeadm_api:-nothing}" ;;
	esac
}

# upstream_path PROGRAM: where it is below K8S_MIRROR.
upstream_path() { echo "release/v$kubernetes_version/bin/linux/amd64/$1"; }

upstream_mirror() { echo "${K8S_MIRROR:-https://dl.k8s.io}"; }

# upstream_crictl: where crictl is published; nothing where the provider has none.
upstream_crictl() {
	[ -z "${kubernetes_crictl:-}" ] || echo "$cri_tools/v$kubernetes_crictl/crictl-v$kubernetes_crictl-linux-amd64.tar.gz"
}

# upstream_at URL: where it is asked for: CRI_TOOLS_MIRROR takes the place of cri-tools' releases.
upstream_at() { echo "${1/#"$cri_tools"/${CRI_TOOLS_MIRROR:-$cri_tools}}"; }

# upstream_images: the names of the images that kubeadm's cluster wants, as the provider declares them.
upstream_images() {
	local p
	for p in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
		echo "$images_repository/$p:v$kubernetes_version"
	done
	[ "$kubernetes_dns" != coredns ] || echo "$images_repository/coredns/coredns:$images_coredns"
	printf '%s\n' "$images_repository/pause:$images_pause" "$images_repository/etcd:$images_etcd"
}

# upstream_conformance: the names of the images of Kubernetes' conformance tests, where the provider declares what they
# run: first the tests' own, which is released with each version, under its tag (kubernetes/kubernetes,
# test/conformance/image/README.md).
upstream_conformance() {
	[ -n "${conformance_images:-}" ] || return 0
	printf '%s\n' "$images_repository/conformance:v$kubernetes_version" $conformance_images
}

# upstream_pinned: the names of all images that the provider's lock is to have, each once.
upstream_pinned() { { upstream_images; upstream_conformance; } | awk '!seen[$0]++'; }

# upstream_lock: the path of the provider's lock; where there is none: how one is made.
upstream_lock() {
	local dir
	for dir in $PROVIDER_DIRS; do
		[ ! -e "$TOP/$dir/lock.ini" ] || { echo "$TOP/$dir/lock.ini"; return; }
	done
	upstream_fail "$PROVIDER has no lock.ini, which says what every download must be; make it once, with the network: make pin PROVIDER=$PROVIDER"
}

# upstream_fits LOCK: is it whole, and of this version and these images?
upstream_fits() {
	local version name hex images again="make pin PROVIDER=$PROVIDER makes it anew"
	version=$(lock_get "$1" lock version) || version=
	[ "$version" = "$kubernetes_version" ] ||
		{ upstream_fail "$1 is of Kubernetes ${version:-no version}, $PROVIDER of $kubernetes_version: $again"; return; }
	for name in "${upstream_programs[@]}" ${kubernetes_crictl:+crictl}; do
		hex=$(lock_get "$1" "file $name" sha256) || hex=
		[[ $hex =~ ^[0-9a-f]{64}$ ]] || { upstream_fail "$1: [file $name] has no sha256: $again"; return; }
	done
	for name in "${upstream_programs[@]}"; do
		[ "$(lock_get "$1" "file $name" path)" = "$(upstream_path "$name")" ] ||
			{ upstream_fail "$1: [file $name] is not $(upstream_path "$name"): $again"; return; }
	done
	[ -z "${kubernetes_crictl:-}" ] || [ "$(lock_get "$1" "file crictl" url)" = "$(upstream_crictl)" ] ||
		{ upstream_fail "$1: [file crictl] is not $(upstream_crictl): $again"; return; }
	images=$(lock_images "$1") || return
	while read -r name; do
		grep -qE "^${name//./\\.}"$'\t''sha256:[0-9a-f]{64}$' <<< "$images" ||
			{ upstream_fail "$1: no digest of the image $name: $again"; return; }
	done < <(upstream_pinned)
}

# upstream_locked LOCK: of the lock's images, those that the provider wants (it may have declared more once), as lock_images
# prints them.
upstream_locked() {
	local images
	images=$(lock_images "$1") || return
	awk -F '\t' 'NR == FNR { wanted[$0]; next } $1 in wanted' <(upstream_pinned) - <<< "$images"
}

# upstream_fetch LOCK NAME: the path of [file NAME] in the user's cache, fetched if it is not there, and what the lock
# says.
upstream_fetch() {
	local hex url
	hex=$(lock_get "$1" "file $2" sha256) || return
	url=$(lock_get "$1" "file $2" url) && url=$(upstream_at "$url") || url=$(upstream_mirror)/$(lock_get "$1" "file $2" path)
	lock_cached "$hex" "$url"
}
