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

# dir_of PROVIDER: print its directory: it is one of the providers or one for the tests.
dir_of() { ls -d "providers/$1" "tests/providers/$1" 2> /dev/null || true; }

# upstream: list those that download Kubernetes.
upstream() { grep -lx 'source = upstream' providers/*/provider.ini tests/providers/k8s-1.33-upstream/provider.ini | xargs dirname | xargs -n 1 basename; }

# compiled: list those that compile Kubernetes from Go modules.
compiled() { grep -lx 'inherit = kubernetes-go' providers/*/provider.ini | cut -d/ -f2; }

# with_source SOURCE PROVIDER: make the provider PROVIDER-SOURCE, as SOURCE= of make does, and print its directory.
with_source() {
	local dir=$BATS_TEST_TMPDIR/$2-$1
	mkdir -p "$dir"
	printf '[provider]\ninherit = %s\n[kubernetes]\nsource = %s\n' "$2" "$1" > "$dir/provider.ini"
	realpath --relative-to="$TOP" "$dir"
}

# sources PROVIDER [DIRECTORY]: list its downloads, without make.
sources() {
	PROVIDER=$1 PROVIDER_DIRS="${2:-$(dir_of "$1")}" K8S_MIRROR='' IMAGE_MIRROR='' CRI_TOOLS_MIRROR='' TOP=$TOP BIN=$BIN \
		mk/sh/provider/sources-list
}

# render PROVIDER [NAME=VALUE...]: print its kubeadm configuration.
render() {
	(
		D=$BATS_TEST_TMPDIR B=$BATS_TEST_TMPDIR
		libs cluster kube render
		values=$(provconf -I providers -f sh "$(dir_of "$1")")
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
		values=$(provconf -I providers -f sh "$(dir_of "$1")")
		eval "$values"
		for v in "${@:2}"; do declare "${v%%=*}=${v#*=}"; done
		upstream_tool --supported
	)
}

@test "provconf accepts every provider; abstract ones cannot be built" {
	local p
	for p in $(all); do provconf -c "providers/$p"; done
	[ "$(all | paste -sd ' ')" = "k8s-1.20 k8s-1.22 k8s-1.34 k8s-1.35 k8s-1.36 k8s-1.37" ]
	for p in base kubernetes kubernetes-go; do
		provconf -c "providers/$p"
		run -2 stagekey -I providers "providers/$p"
		[[ $output == *"providers/$p/provider.ini: an abstract provider: "* ]]
	done
	run -2 env -u MAKEFLAGS -u MAKELEVEL make -s provision PROVIDER=nonesuch B="$BATS_TEST_TMPDIR"
	[[ $output == *"unknown provider 'nonesuch'; the providers are: k8s-1.20 k8s-1.22 "* ]]
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
		printf '[provider]\ninherit = k8s-1.36\n[kubernetes]\n%s\n' "$line" > "$BATS_TEST_TMPDIR/x/provider.ini"
		run -2 provconf -I providers -c "$BATS_TEST_TMPDIR/x"
		[[ $output == *"x/provider.ini:4: kubernetes.${line%% *}: "* ]]
	done
	printf '[provider]\ninherit = k8s-1.36\n[kubernetes]\nfeature_gates = A=true B2=false\n[network]\ncni = calico\n' > "$BATS_TEST_TMPDIR/x/provider.ini"
	run -2 provconf -I providers -c "$BATS_TEST_TMPDIR/x"
	[[ $output == *"x/provider.ini:6: network.cni: 'calico' is not one of: bridge flannel"* ]]
}

# Versions of pause, etcd and CoreDNS: cmd/kubeadm/app/constants/constants.go of each minor version. Layout of the URLs:
# kubernetes.io/releases/download; names of the images: registry.k8s.io/images in kubernetes/k8s.io.
table='
k8s-1.33-upstream 1.33.4  3.10 3.5.21-0 v1.12.0'
# Those that can: SOURCE=upstream.
released='
k8s-1.22 1.22.17 3.5    3.5.6-0 v1.8.4
k8s-1.34 1.34.4  3.10.1 3.6.5-0 v1.12.1
k8s-1.35 1.35.4  3.10.1 3.6.6-0 v1.13.1
k8s-1.36 1.36.3  3.10.2 3.6.8-0 v1.14.2
k8s-1.37 1.37.2  3.10.2 3.7.0-0 v1.14.6'

@test "each provider downloads the documented files and images" {
	local p v pause etcd coredns dir n=0
	while read -r p v pause etcd coredns; do
		[ -n "$p" ] || continue
		if compiled | grep -qx "$p"; then dir=$(with_source upstream "$p"); else dir=$(dir_of "$p"); fi
		sources "$p" "$dir" | grep -v '^module ' | diff - <(cat <<-END
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
	done <<< "$table$released"
	[ "$n" = "$({ upstream; compiled; } | wc -l)" ]
	[ -z "$(sources k8s-1.20)" ]
}

# Of what kubeadm of each version wants (as above), pause is its version; etcd and CoreDNS are what is compiled.
compiled_table='
k8s-1.22 1.22.17 3.5
k8s-1.34 1.34.4 3.10.1
k8s-1.35 1.35.4 3.10.1
k8s-1.36 1.36.3 3.10.2
k8s-1.37 1.37.2 3.10.2'

@test "each provider with source = go: its modules, and tags that tell what is compiled" {
	local p v pause modules module coredns dir n=0
	while read -r p v pause; do
		[ -n "$p" ] || continue
		get() { provconf -I providers -g "$1" "providers/$p"; }
		modules=$(get go.modules) coredns=$(get images.coredns)
		run -0 sources "$p"
		[ "${lines[0]}" = "module k8s.io/kubernetes@v$v" ]
		# flannel is only compiled with CNI=flannel.
		[ "${#lines[@]}" = "$(tr ' ' '\n' <<< "$modules" | grep -vc '^flannel-')" ]
		[ "$(get kubernetes.version) $(get images.pause)" = "$v $pause" ]
		[ "$(get provider.description)" = "Kubernetes $v on Debian 13" ]
		[[ $coredns = v* ]]
		for module in "kubernetes-$v" "etcd-$(get images.etcd)" "coredns-${coredns#v}"; do
			[[ " $modules " == *" $module "* ]]
		done
		for module in $modules; do
			dir=providers/go/$module
			[ -s "$dir/go.mod" ] && [ -s "$dir/go.sum" ] && [ -s "$dir/module.ini" ]
		done
		# The staging modules are those of this version. (The proxy has no kube-controller-manager 0.22.17; 0.22.16 is the same.)
		[ "$(sed -n 's,.* => k8s.io/[a-z-]* ,,p' "providers/go/kubernetes-$v/go.mod" | grep -vx v0.22.16 | sort -u)" = "v0.${v#*.}" ]
		n=$((n + 1))
	done <<< "$compiled_table"
	[ "$n" = "$(compiled | wc -l)" ]
}

@test "every lock.ini matches its provider" {
	local lock p n=0
	shopt -s nullglob
	for lock in providers/*/lock.ini tests/providers/*/lock.ini; do
		n=$((n + 1))
		p=$(basename "$(dirname "$lock")")
		(
			libs upstream
			PROVIDER=$p
			values=$(provconf -I providers -f sh "$(dirname "$lock")")
			eval "$values"
			upstream_tool --lock "$lock"
		)
	done
	[ "$n" -gt 0 ]
}

@test "kubeadm's configuration has only documented fields, for each version of its API" {
	local p api fields
	for p in $(all) k8s-1.20-upstream k8s-1.33-upstream; do
		api=$(provconf -I providers -g kubernetes.kubeadm_api "$(dir_of "$p")")
		fields=$(render "$p" | perl "$F" "$S/$api" "$S/components")
		grep -qx "InitConfiguration apiVersion kubeadm.k8s.io/$api" <<< "$fields"
		grep -qx "ClusterConfiguration apiVersion kubeadm.k8s.io/$api" <<< "$fields"
		grep -qx 'KubeletConfiguration cgroupDriver systemd' <<< "$fields"
		grep -qx "ClusterConfiguration kubernetesVersion v$(provconf -I providers -g kubernetes.version "$(dir_of "$p")")" <<< "$fields"
		[[ $fields != *@* ]]
	done
	# The check can fail: a field of another version, a value that is not a string.
	run ! perl "$F" "$S/v1beta4" "$S/components" < <(render k8s-1.22)
	[[ $output == *"ClusterConfiguration apiServer.timeoutForControlPlane: not documented"* ]]
	run ! perl "$F" "$S/v1beta2" "$S/components" < <(render k8s-1.20 | sed 's/allow-privileged: "true"/allow-privileged: true/; s/: "true"/: x/')
	[[ $output == *"allow-privileged: true must be quoted to be a string"* ]]
}

@test "the configuration contains the settings: network, feature gates, socket" {
	local fields
	fields=$(render k8s-1.33-upstream network_cni=flannel | perl "$F" "$S/v1beta4" "$S/components")
	grep -qx 'ClusterConfiguration networking.podSubnet 10.244.0.0/16' <<< "$fields"
	grep -qx 'ClusterConfiguration dns.imageRepository registry.k8s.io/coredns' <<< "$fields"
	grep -qx 'InitConfiguration nodeRegistration.criSocket unix:///run/containerd/containerd.sock' <<< "$fields"
	[[ $fields != *allocate-node-cidrs* && $fields != *feature-gates* && $fields != *featureGates* ]]
	fields=$(render k8s-1.33-upstream network_cni=bridge kubernetes_dns=manifest 'kubernetes_feature_gates=A=true B2=false' kubernetes_cgroup_driver=cgroupfs |
		perl "$F" "$S/v1beta4" "$S/components")
	[[ $fields != *podSubnet* && $fields != *dns.image* ]]
	grep -qx 'ClusterConfiguration controllerManager.extraArgs\[\].name allocate-node-cidrs' <<< "$fields"
	[ "$(grep -cx 'ClusterConfiguration .*extraArgs\[\].value A=true,B2=false' <<< "$fields")" = 3 ]
	grep -qx 'KubeletConfiguration featureGates { A: true, B2: false }' <<< "$fields"
	grep -qx 'KubeletConfiguration cgroupDriver cgroupfs' <<< "$fields"
	run ! render k8s-1.33-upstream kubernetes_kubeadm_api=v9
	[[ $output == *"kubeadm_api = v9"* ]]
}

@test "the configuration of 1.22: our images by their true tags, and nothing that its kubeadm and kubelet do not have" {
	local fields
	fields=$(render k8s-1.22 | perl "$F" "$S/v1beta3" "$S/components")
	grep -qx 'ClusterConfiguration kubernetesVersion v1.22.17' <<< "$fields"
	grep -qx 'ClusterConfiguration imageRepository registry.kubestamp' <<< "$fields"
	grep -qx 'ClusterConfiguration dns.imageRepository registry.kubestamp/coredns' <<< "$fields"
	grep -qx 'ClusterConfiguration dns.imageTag v1.14.2' <<< "$fields"
	grep -qx 'ClusterConfiguration etcd.local.imageTag 3.6.16' <<< "$fields"
	grep -qx 'InitConfiguration patches.directory /run/kubeadm/patches' <<< "$fields"
	grep -qx 'InitConfiguration nodeRegistration.criSocket unix:///run/containerd/containerd.sock' <<< "$fields"
	# Fields of v1beta4, and of newer kubelets.
	[[ $fields != *encryptionAlgorithm* && $fields != *timeouts.* && $fields != *containerLogMonitorInterval* ]]
	# Its kubelet speaks CRI v1alpha2, which containerd 2 does not have.
	[[ " $(provconf -I providers -g go.modules providers/k8s-1.22) " != *" containerd-"* ]]
	[[ " $(provconf -I providers -g node.packages providers/k8s-1.22) " == *" containerd runc "* ]]
	[ "$(provconf -I providers -g debian.suite providers/k8s-1.22)" = trixie ]
}

@test "kubeadm 1.22.17 itself accepts the v1beta3 configuration without a warning, and makes the patched static pods" {
	local programs root=$BATS_TEST_TMPDIR/root pods
	programs=$(compiled_programs 1.22.17)
	[ -n "$programs" ] || skip "no Kubernetes 1.22.17 here: the stage sources of k8s-1.22 compiles it"
	[ "$(id -u)" = 0 ] || skip "kubeadm changes its root directory"
	mkdir -p "$root"/run/kubeadm/patches
	cp providers/kubernetes/kubeadm/patches/* providers/kubernetes-go/rootfs/usr/lib/kubestamp/emulation/static-pods/* "$root/run/kubeadm/patches/"
	# As the stage cluster does before 1.31.
	rm "$root"/run/kubeadm/patches/*-readiness+json.yaml
	render k8s-1.22 > "$root/run/kubeadm/config.yaml"
	run -0 --separate-stderr "$programs/kubeadm" config images list --config "$root/run/kubeadm/config.yaml"
	[[ $stderr != *unknown* && $stderr != *strict* ]]
	[ "$(sort <<< "$output")" = "$(sort <<-'END'
		registry.kubestamp/kube-apiserver:v1.22.17
		registry.kubestamp/kube-controller-manager:v1.22.17
		registry.kubestamp/kube-scheduler:v1.22.17
		registry.kubestamp/kube-proxy:v1.22.17
		registry.kubestamp/pause:3.5
		registry.kubestamp/etcd:3.6.16
		registry.kubestamp/coredns/coredns:v1.14.2
	END
	)" ]
	"$programs/kubeadm" --rootfs "$root" init phase etcd local --config /run/kubeadm/config.yaml
	"$programs/kubeadm" --rootfs "$root" init phase control-plane all --config /run/kubeadm/config.yaml
	pods=$root/etc/kubernetes/manifests
	grep -q -- --unsafe-no-fsync "$pods/etcd.yaml"
	[ "$(grep -l GOGC "$pods"/*.yaml | wc -l)" = 4 ]
	[ "$(grep -c 'periodSeconds: 10$' "$pods/kube-apiserver.yaml")" = 2 ]
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

@test "kubeadm itself, compiled from Go modules, accepts the configuration without a warning, and lists the images that we have" {
	local p version programs name tried=''
	for p in $(all); do
		[ "$(provconf -I providers -g kubernetes.source "providers/$p")" = go ] || continue
		version=$(provconf -I providers -g kubernetes.version "providers/$p")
		programs=$(compiled_programs "$version")
		[ "${KUBERNETES:-$version}" = "$version" ] && [ -n "$programs" ] || continue
		tried+=" $p"
		render "$p" > "$BATS_TEST_TMPDIR/config.yaml"
		run -0 --separate-stderr "$programs/kubeadm" config images list --config "$BATS_TEST_TMPDIR/config.yaml"
		[ -z "$stderr" ] || { echo "$p: $stderr"; return 1; }
		# shellcheck disable=SC2154 # the provider's values
		diff <(echo "$output" | sort) <(
			values=$(provconf -I providers -f sh "providers/$p")
			eval "$values"
			for name in kube-{apiserver,controller-manager,scheduler,proxy}:"v$version" "pause:$images_pause" "etcd:$images_etcd" \
				"coredns/coredns:$images_coredns"; do
				echo "$images_repository/$name"
			done | sort
		) || return 1
		# A command of 1.26 and later.
		if [ "$(cut -d. -f2 <<< "$version")" -ge 26 ]; then
			run -0 "$programs/kubeadm" config validate --config "$BATS_TEST_TMPDIR/config.yaml"
		fi
		# It does report an unknown field.
		sed 's/^clusterName/clusterNane/' "$BATS_TEST_TMPDIR/config.yaml" > "$BATS_TEST_TMPDIR/wrong.yaml"
		run --separate-stderr "$programs/kubeadm" config images list --config "$BATS_TEST_TMPDIR/wrong.yaml"
		[[ $stderr == *clusterNane* ]]
	done
	[ -n "$tried" ] || skip "no Kubernetes here that was compiled from Go modules"
}

@test "a Kubernetes that the node cannot run is rejected with the reason" {
	local p=k8s-1.33-upstream
	supported "$p"
	supported "$p" kubernetes_version=1.35.1
	supported "$p" kubernetes_version=1.22.17 kubernetes_kubeadm_api=v1beta3
	run -1 supported "$p" kubernetes_version=1.36.0
	[[ $output == *"Kubernetes 1.36 needs containerd 2.0.0 or newer, but the node has 1.6.20" ]]
	supported "$p" kubernetes_version=1.36.0 kubernetes_containerd=2.1.4
	run -1 supported "$p" kubernetes_version=1.30.14 kubernetes_kubeadm_api=v1beta3 kubernetes_containerd=1.4.13
	[[ $output == *"needs containerd 1.6.0 or newer"* ]]
	run -1 supported "$p" kubernetes_version=1.35.1 'node_append=quiet systemd.unified_cgroup_hierarchy=0'
	[[ $output == *"does not start on cgroup v1"* ]]
	run -1 supported "$p" kubernetes_version=1.31.12 kubernetes_kubeadm_api=v1beta3
	[[ $output == *"kubeadm 1.31 needs kubeadm_api = v1beta4, not v1beta3" ]]
	run -1 supported "$p" kubernetes_version=1.30.14 kubernetes_kubeadm_api=v1beta4
	run -1 supported "$p" kubernetes_version=1.30 kubernetes_kubeadm_api=v1beta3
	[[ $output == *"is not a release like"* ]]
}

@test "flannel: its manifest names the image that is built from the provider's module, and only providers with the module have it" {
	local dir=$BATS_TEST_TMPDIR/x PROVIDER PROVIDER_DIRS KS_CACHE=$BATS_TEST_TMPDIR/cache
	export TOP BIN PROVIDER PROVIDER_DIRS KS_CACHE
	mkdir -p "$dir"
	PROVIDER=x PROVIDER_DIRS=$(realpath --relative-to="$TOP" "$dir")
	printf '[provider]\ninherit = k8s-1.36\n[network]\ncni = flannel\n' > "$dir/provider.ini"
	run -0 --separate-stderr "$TOP/mk/sh/provider/images" list
	[[ $(tr -s ' ' <<< "$output") == *"registry.kubestamp/flannel:v0.27.4 add-on flannel: DaemonSet/kube-flannel/kube-flannel-ds"* ]]
	run -0 "$TOP/mk/sh/provider/images" check
	echo "PROVIDER_DIRS := $PROVIDER_DIRS" > "$dir/keys.mk"
	run -0 "$TOP/mk/sh/stage/pinned" "$dir/keys.mk"
	# The image is ours with SOURCE=upstream too.
	printf '[kubernetes]\nsource = upstream\n' >> "$dir/provider.ini"
	run -0 --separate-stderr "$TOP/mk/sh/provider/images" list
	[[ $(tr -s ' ' <<< "$output") == *"registry.kubestamp/flannel:v0.27.4 add-on flannel: DaemonSet/kube-flannel/kube-flannel-ds"* ]]
	run -0 "$TOP/mk/sh/provider/images" check
	# Every provider with modules has the one of this version.
	for PROVIDER in $(grep -lx 'inherit = kubernetes-go' providers/*/provider.ini | cut -d/ -f2); do
		[[ " $(provconf -I providers --get go.modules "providers/$PROVIDER") " == *" flannel-$(provconf -I providers --get images.flannel "providers/$PROVIDER" | sed s/^v//) "* ]]
	done
	printf '[provider]\ninherit = k8s-1.20\n[network]\ncni = flannel\n' > "$dir/provider.ini"
	PROVIDER=x
	run -1 "$TOP/mk/sh/stage/pinned" "$dir/keys.mk"
	[[ $output == *"x: cni = flannel needs [images] flannel and a module of this version"* ]]
}
