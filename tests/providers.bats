# Every provider: its settings, its downloads, and its kubeadm configuration, compared with the upstream documentation.
# Nothing is downloaded.
load lib/common
load lib/upstream

setup() {
	cd "$TOP" || return
	S=$TOP/tests/schema
	F=$TOP/tests/lib/fields.pl
}

all() { grep -Lx 'abstract = yes' providers/*/provider.ini | cut -d/ -f2; }

# upstream: list those that download Kubernetes.
upstream() { grep -lx 'inherit = upstream' providers/*/provider.ini | cut -d/ -f2; }

# sources PROVIDER: list its downloads, without make.
sources() {
	PROVIDER=$1 PROVIDER_DIRS="providers/$1 providers/upstream" K8S_MIRROR='' IMAGE_MIRROR='' CRI_TOOLS_MIRROR='' TOP=$TOP BIN=$BIN \
		mk/sh/provider/sources-list
}

# render PROVIDER [NAME=VALUE...]: print its kubeadm configuration.
render() {
	(
		D=$BATS_TEST_TMPDIR B=$BATS_TEST_TMPDIR
		libs cluster kube
		values=$(provconf -I providers -f sh "$(ls -d providers/"$1" tests/providers/"$1" 2> /dev/null)")
		eval "$values"
		for v in "${@:2}"; do declare "${v%%=*}=${v#*=}"; done
		kube_render providers/kubernetes/kubeadm/config.yaml
	)
}

# supported PROVIDER NAME=VALUE...: check that its node can run its Kubernetes.
supported() {
	(
		libs upstream
		PROVIDER=$1
		values=$(provconf -f sh "providers/$1")
		eval "$values"
		for v in "${@:2}"; do declare "${v%%=*}=${v#*=}"; done
		upstream_tool --supported
	)
}

@test "provconf accepts every provider; abstract ones cannot be built" {
	local p
	for p in $(all); do provconf -c "providers/$p"; done
	[ "$(all | paste -sd ' ')" = "k8s-1.20 k8s-1.22 k8s-1.30 k8s-1.31 k8s-1.32 k8s-1.33 k8s-1.34 k8s-1.35 k8s-1.36" ]
	for p in base kubernetes kubernetes-go upstream; do
		provconf -c "providers/$p"
		run -2 stagekey -I providers "providers/$p"
		[[ $output == *"providers/$p/provider.ini: an abstract provider: "* ]]
	done
	run -2 env -u MAKEFLAGS -u MAKELEVEL make -s provision PROVIDER=nonesuch B="$BATS_TEST_TMPDIR"
	[[ $output == *"there is no provider 'nonesuch'; there are: k8s-1.20 k8s-1.22 "* ]]
	[[ $output != *upstream* ]]
}

@test "abstract is not inherited; only abstract providers can lack required keys" {
	mkdir -p "$BATS_TEST_TMPDIR"/{a,b}
	printf '[provider]\nabstract = yes\n' > "$BATS_TEST_TMPDIR/a/provider.ini"
	provconf -c "$BATS_TEST_TMPDIR/a"
	printf '[provider]\ninherit = a\n' > "$BATS_TEST_TMPDIR/b/provider.ini"
	run -2 provconf -c "$BATS_TEST_TMPDIR/b"
	[[ $output == *"provider.description: is not set"* ]]
	run -3 provconf -g provider.abstract providers/k8s-1.20
}

@test "the settings of Kubernetes are checked" {
	local line
	mkdir -p "$BATS_TEST_TMPDIR/x"
	for line in 'kubeadm_api = v1' 'cgroup_driver = none' 'dns = bind' 'feature_gates = A=yes' 'feature_gates = =true' \
		'control_plane_labels = a/b' 'containerd = new'; do
		printf '[provider]\ninherit = k8s-1.30\n[kubernetes]\n%s\n' "$line" > "$BATS_TEST_TMPDIR/x/provider.ini"
		run -2 provconf -I providers -c "$BATS_TEST_TMPDIR/x"
		[[ $output == *"x/provider.ini:4: kubernetes.${line%% *}: "* ]]
	done
	printf '[provider]\ninherit = k8s-1.30\n[kubernetes]\nfeature_gates = A=true B2=false\n[network]\ncni = calico\n' > "$BATS_TEST_TMPDIR/x/provider.ini"
	run -2 provconf -I providers -c "$BATS_TEST_TMPDIR/x"
	[[ $output == *"x/provider.ini:6: network.cni: 'calico' is not one of: bridge flannel"* ]]
}

# Versions of pause, etcd and CoreDNS: cmd/kubeadm/app/constants/constants.go of each minor version, except etcd of 1.22,
# whose 3.5.0 loses data (etcd's post mortem of 2022-04-20). Layout of the URLs: kubernetes.io/releases/download; names of
# the images: registry.k8s.io/images in kubernetes/k8s.io.
table='
k8s-1.22 1.22.17 3.5    3.5.6-0  v1.8.4
k8s-1.30 1.30.14 3.9    3.5.15-0 v1.11.3
k8s-1.31 1.31.12 3.10   3.5.15-0 v1.11.3
k8s-1.32 1.32.8  3.10   3.5.16-0 v1.11.3
k8s-1.33 1.33.4  3.10   3.5.21-0 v1.12.0
k8s-1.34 1.34.1  3.10.1 3.6.4-0  v1.12.1
k8s-1.35 1.35.1  3.10.1 3.6.6-0  v1.13.1'

@test "each provider downloads the documented files and images" {
	local p v pause etcd coredns n=0
	while read -r p v pause etcd coredns; do
		[ -n "$p" ] || continue
		sources "$p" | diff - <(cat <<-END
			file https://dl.k8s.io/release/v$v/bin/linux/amd64/kubeadm
			file https://dl.k8s.io/release/v$v/bin/linux/amd64/kubelet
			file https://dl.k8s.io/release/v$v/bin/linux/amd64/kubectl
			image registry.k8s.io/kube-apiserver:v$v
			image registry.k8s.io/kube-controller-manager:v$v
			image registry.k8s.io/kube-scheduler:v$v
			image registry.k8s.io/kube-proxy:v$v
			image registry.k8s.io/coredns/coredns:$coredns
			image registry.k8s.io/pause:$pause
			image registry.k8s.io/etcd:$etcd
		END
		)
		n=$((n + 1))
	done <<< "$table"
	[ "$n" = "$(upstream | wc -l)" ]
	[ -z "$(sources k8s-1.20)" ]
	run -0 sources k8s-1.36
	[ "${lines[0]}" = "module k8s.io/kubernetes@v1.36.3" ]
	[ "${#lines[@]}" = "$(provconf -I providers -f sh providers/k8s-1.36 | sed -n 's/^go_modules=//p' | wc -w)" ]
}

@test "every lock.ini matches its provider" {
	local lock p
	for lock in providers/*/lock.ini; do
		p=$(basename "$(dirname "$lock")")
		(
			libs upstream
			PROVIDER=$p
			values=$(provconf -f sh "providers/$p")
			eval "$values"
			upstream_tool --lock "$lock"
		)
	done
}

@test "kubeadm's configuration has only documented fields, for each version of its API" {
	local p api fields
	for p in $(all) k8s-1.20-upstream; do
		api=$(provconf -I providers -g kubernetes.kubeadm_api "$(ls -d providers/"$p" tests/providers/"$p" 2> /dev/null)")
		fields=$(render "$p" | perl "$F" "$S/$api" "$S/components")
		grep -qx "InitConfiguration apiVersion kubeadm.k8s.io/$api" <<< "$fields"
		grep -qx "ClusterConfiguration apiVersion kubeadm.k8s.io/$api" <<< "$fields"
		grep -qx 'KubeletConfiguration cgroupDriver systemd' <<< "$fields"
		grep -qx "ClusterConfiguration kubernetesVersion v$(provconf -I providers -g kubernetes.version "$(ls -d providers/"$p" tests/providers/"$p" 2> /dev/null)")" <<< "$fields"
		[[ $fields != *@* ]]
	done
	# The check can fail: a field of another version, a value that is not a string.
	run ! perl "$F" "$S/v1beta4" "$S/components" < <(render k8s-1.30)
	[[ $output == *"ClusterConfiguration apiServer.timeoutForControlPlane: not documented"* ]]
	run ! perl "$F" "$S/v1beta2" "$S/components" < <(render k8s-1.20 | sed 's/allow-privileged: "true"/allow-privileged: true/; s/: "true"/: x/')
	[[ $output == *"allow-privileged: true must be quoted to be a string"* ]]
}

@test "the configuration contains the settings: network, feature gates, socket" {
	local fields
	fields=$(render k8s-1.31 | perl "$F" "$S/v1beta4" "$S/components")
	grep -qx 'ClusterConfiguration networking.podSubnet 10.244.0.0/16' <<< "$fields"
	grep -qx 'ClusterConfiguration dns.imageRepository registry.k8s.io/coredns' <<< "$fields"
	grep -qx 'InitConfiguration nodeRegistration.criSocket unix:///run/containerd/containerd.sock' <<< "$fields"
	[[ $fields != *allocate-node-cidrs* && $fields != *feature-gates* && $fields != *featureGates* ]]
	fields=$(render k8s-1.31 network_cni=bridge kubernetes_dns=manifest 'kubernetes_feature_gates=A=true B2=false' kubernetes_cgroup_driver=cgroupfs |
		perl "$F" "$S/v1beta4" "$S/components")
	[[ $fields != *podSubnet* && $fields != *dns.image* ]]
	grep -qx 'ClusterConfiguration controllerManager.extraArgs\[\].name allocate-node-cidrs' <<< "$fields"
	[ "$(grep -cx 'ClusterConfiguration .*extraArgs\[\].value A=true,B2=false' <<< "$fields")" = 3 ]
	grep -qx 'KubeletConfiguration featureGates { A: true, B2: false }' <<< "$fields"
	grep -qx 'KubeletConfiguration cgroupDriver cgroupfs' <<< "$fields"
	run ! render k8s-1.31 kubernetes_kubeadm_api=v9
	[[ $output == *"kubeadm_api = v9"* ]]
}

@test "a joining node's configuration has only documented fields, for each version of the API" {
	local api
	for api in v1beta2 v1beta3 v1beta4; do
		(
			libs kube
			kubernetes_kubeadm_api=$api kubernetes_cri_socket=unix:///x.sock
			kube_join abcdef.0123456789abcdef 192.168.66.101:6443 00ff
		) | perl "$F" "$S/$api" > "$BATS_TEST_TMPDIR/fields"
		grep -qx "JoinConfiguration apiVersion kubeadm.k8s.io/$api" "$BATS_TEST_TMPDIR/fields"
		grep -qx 'JoinConfiguration discovery.bootstrapToken.apiServerEndpoint 192.168.66.101:6443' "$BATS_TEST_TMPDIR/fields"
	done
}

@test "kubeadm 1.20.2 itself accepts the v1beta2 configuration without a warning, and lists the same images" {
	local programs
	programs=$(upstream_programs)
	[ -n "$programs" ] || skip "no Kubernetes 1.20.2 here: the stage sources of k8s-1.20 compiles it"
	render k8s-1.20-upstream > "$BATS_TEST_TMPDIR/config.yaml"
	run -0 --separate-stderr "$programs/kubeadm" config images list --config "$BATS_TEST_TMPDIR/config.yaml"
	[[ $stderr != *unknown* && $stderr != *strict* ]]
	[ "$(grep -v coredns <<< "$output" | sort)" = "$(printf 'k8s.gcr.io/%s\n' "${upstream_names[@]}" | sort)" ]
	run -0 "$programs/kubeadm" config migrate --old-config "$BATS_TEST_TMPDIR/config.yaml"
	[[ $output == *"kind: ClusterConfiguration"* ]]
	# It does report an unknown field.
	sed 's/^clusterName/clusterNane/' "$BATS_TEST_TMPDIR/config.yaml" > "$BATS_TEST_TMPDIR/wrong.yaml"
	run --separate-stderr "$programs/kubeadm" config images list --config "$BATS_TEST_TMPDIR/wrong.yaml"
	[[ $stderr == *clusterNane* ]]
}

@test "a Kubernetes that the node cannot run is rejected with the reason" {
	supported k8s-1.35
	supported k8s-1.22
	run -1 supported k8s-1.35 kubernetes_version=1.36.0
	[[ $output == *"Kubernetes 1.36 needs containerd 2.0.0 or newer, but the node has 1.6.20" ]]
	supported k8s-1.35 kubernetes_version=1.36.0 kubernetes_containerd=2.1.4
	run -1 supported k8s-1.30 kubernetes_containerd=1.4.13
	[[ $output == *"needs containerd 1.6.0 or newer"* ]]
	run -1 supported k8s-1.35 'node_append=quiet systemd.unified_cgroup_hierarchy=0'
	[[ $output == *"does not start on cgroup v1"* ]]
	run -1 supported k8s-1.31 kubernetes_kubeadm_api=v1beta3
	[[ $output == *"kubeadm 1.31 needs kubeadm_api = v1beta4, not v1beta3" ]]
	run -1 supported k8s-1.30 kubernetes_kubeadm_api=v1beta4
	run -1 supported k8s-1.30 kubernetes_version=1.30
	[[ $output == *"is not a release like"* ]]
}
