# What users find in a node of a provider that e2e-k8s.bats has provisioned, and whether what runs is what provider.ini says:
# `make check-e2e ONLY=e2e-guest PROVIDER=...`.
load lib/common
load lib/kubernetes

# node COMMAND: run a shell command in node01, as root.
node() { mk ssh CMD="$1"; }

# setting NAME: print a value of the cluster's provider.conf.
setting() { (. "$B/clusters/$ME/share/provider.conf" && echo "${!1:-}"); }

# modules: print the Go modules that were compiled, NAME-VERSION a line; nothing if there are none.
modules() { setting go_modules | tr ' ' '\n'; }

# version NAME: print the version of this module; nothing if the provider does not have it.
version() { modules | sed -n "s/^$1-\([0-9]\)/\1/p"; }

# is_in TEXT COMMAND...: TEXT is a whole word of the output of COMMAND.
is_in() {
	run -0 "${@:2}"
	[[ " ${output//$'\n'/ } " == *" $1 "* ]] || { echo "$1 is not in: $output"; return 1; }
}

@test "a cluster is up" {
	show mk cluster-up
}

@test "sudo, curl, jq and chcon" {
	node 'sudo -n true'
	run -0 node 'curl --version'
	[[ $output == "curl "* ]]
	run -0 node "echo '{\"a\": 1}' | jq .a"
	[ "$output" = 1 ]
	node 'chcon -Rt container_file_t /var/lib'
}

@test "kubectl works for root, in a login shell and without one" {
	run -0 node 'kubectl get nodes --no-headers'
	[[ $output == "node01 "*" Ready "* ]]
	run -0 node "bash -lc 'kubectl auth can-i delete nodes' 2> /dev/null"
	[ "$output" = yes ]
	run -0 node 'sudo -n kubectl get --raw /readyz'
	[ "$output" = ok ]
}

@test "crictl is configured" {
	node 'command -v crictl > /dev/null' || skip "$PROVIDER has no crictl"
	run -0 node 'crictl ps'
	[[ $output == *kube-apiserver* && $output == *etcd* ]]
	[[ $output != *[Dd]eprecated* && $output != *"not set"* ]]
	# Images are addressed by their names.
	run -0 node 'crictl images'
	[[ $output == *"$(setting images_repository)/pause"* ]]
}

@test "etcdctl in etcd's image asks this cluster's etcd" {
	[ "$(kc exec -n kube-system etcd-node01 -- etcdctl version | sed -n 's/^etcdctl version: //p')" = \
		"$(kc exec -n kube-system etcd-node01 -- etcd --version | sed -n 's/^etcd Version: //p')" ]
	run -0 kc exec -n kube-system etcd-node01 -- etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt \
		--cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key endpoint health
	[[ $output == *"is healthy"* ]]
}

@test "the unit openvswitch.service, if Open vSwitch is installed" {
	node 'test -e /usr/lib/systemd/system/openvswitch-switch.service' || skip "$PROVIDER does not install Open vSwitch"
	node 'systemctl is-active openvswitch.service'
}

@test "programs say the version of their module, and of the Go that compiled it" {
	local v go
	[ -n "$(modules)" ] || skip "$PROVIDER compiles no Go modules"
	v=$(setting kubernetes_version)
	is_in "v$v" node 'kubelet --version'
	is_in "v$v" node 'kubeadm version -o short'
	run -0 kc version -o json
	[ "$(jq -r .clientVersion.gitVersion <<< "$output")" = "v$v" ]
	[ "$(jq -r .serverVersion.gitVersion <<< "$output")" = "v$v" ]
	if [ "$(setting kubernetes_source)" = go ]; then
		[ "$(version kubernetes)" = "$v" ]
		go=go$(inifile --get module.go "$TOP/providers/go/kubernetes-$v/module.ini")
		[ "$(jq -r .clientVersion.goVersion <<< "$output")" = "$go" ]
		[ "$(jq -r .serverVersion.goVersion <<< "$output")" = "$go" ]
		is_in "$(version etcd)" kc exec -n kube-system etcd-node01 -- etcd --version
		is_in "$(version etcd)" kc exec -n kube-system etcd-node01 -- etcdctl version
		is_in "$(version etcd)" kc exec -n kube-system etcd-node01 -- etcdutl version
		is_in "CoreDNS-$(version coredns)" kc exec -n kube-system deployment/coredns -- /coredns -version
	fi
	for program in kube-apiserver kube-controller-manager kube-scheduler; do
		is_in "v$v" kc exec -n kube-system "$program-node01" -- "/usr/local/bin/$program" --version
	done
	is_in "v$v" kc exec -n kube-system daemonset/kube-proxy -- /usr/local/bin/kube-proxy --version
	# Of the node's programs, those that are modules; the others are Debian's.
	[ -z "$(version containerd)" ] || is_in "v$(version containerd)" node 'containerd --version'
	[ -z "$(version containerd)" ] || is_in "v$(version containerd)" node 'ctr --version'
	[ -z "$(version runc)" ] || is_in "$(version runc)" node 'runc --version'
	[ -z "$(version crictl)" ] || is_in "v$(version crictl)" node 'crictl --version'
	[ -z "$(version cni-plugins)" ] || is_in "v$(version cni-plugins)" node '/usr/lib/cni/bridge --version 2>&1'
}

@test "images have the tags of what is in them, and the node reports its runtime's version" {
	local repository
	repository=$(setting images_repository)
	kc get pods -n kube-system -o 'jsonpath={range .items[*]}{.spec.containers[*].image}{"\n"}{end}' | sort -u > "$BATS_TEST_TMPDIR/images"
	cat "$BATS_TEST_TMPDIR/images"
	for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
		grep -qxF "$repository/$name:v$(setting kubernetes_version)" "$BATS_TEST_TMPDIR/images"
	done
	grep -qxF "$repository/etcd:$(setting images_etcd)" "$BATS_TEST_TMPDIR/images"
	[ "$(setting kubernetes_dns)" != coredns ] || grep -qxF "$repository/coredns/coredns:$(setting images_coredns)" "$BATS_TEST_TMPDIR/images"
	if [ "$(setting kubernetes_source)" = go ]; then
		[ "$(setting images_etcd)" = "$(version etcd)" ]
		[ "$(setting images_coredns)" = "v$(version coredns)" ]
		[ -z "$(version flannel)" ] || [ "$(setting images_flannel)" = "v$(version flannel)" ]
	fi
	run -0 kc get node node01 -o 'jsonpath={.status.nodeInfo.kubeletVersion} {.status.nodeInfo.containerRuntimeVersion}'
	[[ $output == "v$(setting kubernetes_version) containerd://"* ]]
	[ -z "$(version containerd)" ] || [[ $output =~ ://v?"$(version containerd)"$ ]]
	mk cluster-down
}
