# mk/sh/cluster/kube.sh: how the stages and cluster-up query Kubernetes, with a fake kubectl.
load lib/common

setup() {
	export BIN D=$BATS_TEST_TMPDIR BIN_KUBERNETES=$BATS_TEST_TMPDIR/bin
	mkdir -p "$BIN_KUBERNETES"
	cd "$TOP" || return
	libs cluster kube render
}

teardown() { end_kept; }

# kubectl_says: make a kubectl from the branches of a case statement over its arguments, on standard input.
kubectl_says() {
	{ echo '#!/bin/bash'; echo 'case "$*" in'; cat; echo 'esac'; } > "$BIN_KUBERNETES/kubectl"
	chmod +x "$BIN_KUBERNETES/kubectl"
}

@test "kube_render: every @word@ is replaced by its value in provider.ini" {
	network_first_node=192.168.66.100 kubernetes_version=1.2.3 images_repository=r images_tools=9 network_domain=d.e
	printf '%s\n' '@api_address@ v@version@' '@tools_image@ @domain@ a@b' > "$D/in"
	run -0 kube_render "$D/in"
	[ "$output" = $'192.168.66.101 v1.2.3\nr/kubestamp-tools:9 d.e a@b' ]
}

@test "kube_render: a @word@ without a value is an error" {
	echo '@no_such_word@' > "$D/in"
	run -1 kube_render "$D/in"
	[[ $output == *"@no_such_word@ has no value in provider.ini"* ]]
}

@test "a pod that stays Pending: exit 124 at the deadline, with its name" {
	kubectl_says <<< "*'get pods'*) printf 'kube-system/etcd-node01 Running True\ndefault/stuck Pending \n' ;;"
	run -124 kube_wait 1 "every pod Ready" kube_pods_ready 2
	[ "$output" = "error: every pod Ready: timed out; last output: default/stuck Pending " ]
}

@test "a pod that is running but not Ready does not count, like a missing one" {
	kubectl_says <<< "*'get pods'*) printf 'a/b Running False\n' ;;"
	run -1 kube_pods_ready 1
	kubectl_says <<< "*'get pods'*) printf 'a/b Running True\n' ;;"
	run -0 kube_pods_ready 1
	run -1 kube_pods_ready 2
	[[ $output == "only: a/b Running True"* ]]
	kubectl_says <<< "*'get pods'*) printf 'a/b Succeeded False\n' ;;"
	run -0 kube_pods_ready 1
}

@test "a workload is not ready before its controller has seen it, and until all of its pods are" {
	workload() { kubectl_says <<< "*'get deployments,daemonsets,statefulsets'*) echo '{\"items\":[$1]}' ;;"; }
	meta='"metadata":{"namespace":"a","name":"b","generation":2}'
	workload "{\"kind\":\"DaemonSet\",$meta,\"status\":{\"observedGeneration\":1,\"numberReady\":1,\"desiredNumberScheduled\":1}}"
	run -1 kube_workloads_ready
	[ "$output" = 'DaemonSet a/b is not ready' ]
	workload "{\"kind\":\"DaemonSet\",$meta,\"status\":{\"observedGeneration\":2,\"desiredNumberScheduled\":1}}"
	run -1 kube_workloads_ready
	workload "{\"kind\":\"DaemonSet\",$meta,\"status\":{\"observedGeneration\":2,\"numberReady\":1,\"desiredNumberScheduled\":1}}"
	run -0 kube_workloads_ready
	[ -z "$output" ]
	# Of a Deployment that was just created there is no status.
	workload "{\"kind\":\"Deployment\",$meta,\"spec\":{\"replicas\":2}}"
	run -1 kube_workloads_ready
	workload "{\"kind\":\"Deployment\",$meta,\"spec\":{\"replicas\":2},\"status\":{\"observedGeneration\":2,\"readyReplicas\":1}}"
	run -1 kube_workloads_ready
	workload "{\"kind\":\"StatefulSet\",$meta,\"spec\":{\"replicas\":0},\"status\":{\"observedGeneration\":2}}"
	run -0 kube_workloads_ready
	kubectl_says <<< "*) echo refused >&2; exit 1 ;;"
	run -1 kube_workloads_ready
}

@test "after a restart, failed pods are not waited for; those that were only stopped are" {
	kubectl_says <<< "*'get pods'*) printf 'a/once Failed False\nb/c Running True\n' ;;"
	run -0 kube_pods_back
	run -1 kube_pods_ready
	[ "$output" = 'a/once Failed False' ]
	kubectl_says <<< "*'get pods'*) printf 'a/once Failed False\nb/c Running False\n' ;;"
	run -1 kube_pods_back
	[ "$output" = 'b/c Running False' ]
}

@test "an API that does not answer: kubectl's error at the deadline" {
	kubectl_says <<< "*) echo 'connection refused' >&2; exit 1 ;;"
	run -124 kube_wait 1 "the API" kube_api_ready
	[ "$output" = "error: the API: timed out; last output: connection refused" ]
}

@test "kube_apply: again while the API is too busy; any other error at once" {
	kubectl_says <<-'END'
		*apply*)
			echo x >> "$D/tries"
			[ "$(wc -l < "$D/tries")" -ge 3 ] || { echo 'Error from server (Timeout): error when creating "x"' >&2; exit 1; }
			echo created
			;;
	END
	run -0 kube_apply -f x
	[ "$output" = created ]
	[ "$(wc -l < "$D/tries")" = 3 ]
	kubectl_says <<< "*apply*) echo x >> '$D/refused'; echo 'error: the object is invalid' >&2; exit 1 ;;"
	run -1 kube_apply -f x
	[ "$output" = 'error: the object is invalid' ]
	[ "$(wc -l < "$D/refused")" = 1 ]
	# kubeadm's words, when it joins a node to a busy control plane.
	busy() {
		echo x >> "$D/joins"
		[ "$(wc -l < "$D/joins")" -ge 2 ] || { echo 'cannot get Node "node02": Get "https://192.168.66.101:6443/api/v1/nodes/node02?timeout=10s": context deadline exceeded' >&2; return 1; }
	}
	run -0 kube_again busy
	[ "$(wc -l < "$D/joins")" = 2 ]
	# A deadline that has passed.
	cl_scale() { echo 0; }
	kubectl_says <<< "*apply*) echo 'i/o timeout' >&2; exit 1 ;;"
	run -1 kube_apply -f x
	[ "$output" = 'i/o timeout' ]
}

@test "kube_nothing_pulled: only declared images, neither latest nor Always, and no event of a pull" {
	pods() { echo "*'get pods'*) echo '{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"$1\",\"imagePullPolicy\":\"$2\"}]}}]}' ;;"; }
	printf 'image:1\nimage:latest\n' > "$D/list"
	pods image:1 IfNotPresent | kubectl_says
	run -0 kube_nothing_pulled "$D/list"
	[ -z "$output" ]
	pods image:2 IfNotPresent | kubectl_says
	run -1 kube_nothing_pulled "$D/list"
	[[ $output == *"Pod/p: container c: image:2: is not declared" ]]
	pods image:latest IfNotPresent | kubectl_says
	run -1 kube_nothing_pulled "$D/list"
	[[ $output == *"image:latest: has neither a digest nor a tag other than latest" ]]
	pods image:1 Always | kubectl_says
	run -1 kube_nothing_pulled "$D/list"
	[[ $output == *"image:1: imagePullPolicy is Always" ]]
	{ pods image:1 IfNotPresent; echo '*events*) echo event/a ;;'; } | kubectl_says
	run -1 kube_nothing_pulled "$D/list"
	[[ $output == *"images were pulled: event/a" ]]
	kubectl_says <<< "*) echo refused >&2; exit 1 ;;"
	run -1 kube_nothing_pulled "$D/list"
}

@test "kube_volumes: the number of volumes in provider.ini, each for one node only" {
	storage_volumes=3
	run -0 kube_volumes node07
	[ "$(grep -c '^kind: PersistentVolume$' <<< "$output")" = 3 ]
	[ "$(grep -c 'values: \[node07\]' <<< "$output")" = 3 ]
	grep -qx '  name: node07-disk3' <<< "$output"
}

@test "kube_join: the configuration for the API's version; the token is in no argument list" {
	local BIN=$D/fake
	mkdir "$BIN"
	printf '#!/bin/sh\ncat /proc/$$/cmdline >> %q\nexec %q "$@"\n' "$D/arguments" "$(command -v kuberender)" > "$BIN/kuberender"
	chmod +x "$BIN/kuberender"
	kubernetes_kubeadm_api=v1beta4 kubernetes_cri_socket=unix:///x.sock run -0 kube_join ab.secret 10.0.0.1:6443 00ff
	[ "$(sed '/^#/d' <<< "$output")" = 'apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    token: ab.secret
    apiServerEndpoint: 10.0.0.1:6443
    caCertHashes: ["sha256:00ff"]
timeouts:
  discovery: 20m0s
  kubeletHealthCheck: 20m0s
  tlsBootstrap: 20m0s
  kubernetesAPICall: 5m0s
nodeRegistration:
  criSocket: unix:///x.sock' ]
	run ! grep -a secret "$D/arguments"
	[ -s "$D/arguments" ]
	# An image of 1.20 may have neither setting.
	unset kubernetes_kubeadm_api kubernetes_cri_socket
	run -0 kube_join ab.secret 10.0.0.1:6443 00ff
	[ "$(sed '/^#/d' <<< "$output" | sed -n '1p; 8,$p')" = 'apiVersion: kubeadm.k8s.io/v1beta2
  timeout: 20m0s
nodeRegistration:
  criSocket: /run/containerd/containerd.sock' ]
}

@test "kube_config: the kubeconfig has the API's port on the host, and only the user can read it" {
	mkdir -p "$D/kubernetes"
	printf 'clusters:\n- cluster:\n    server: https://192.168.66.101:6443\n' > "$D/kubernetes/admin.conf"
	echo '6443 40123' > "$D/ports"
	kube_config
	grep -qx '    server: https://127.0.0.1:40123' "$D/kubeconfig"
	[ "$(stat -c %a "$D/kubeconfig")" = 600 ]
}

@test "kube_curl: neither the user's proxies nor ~/.curlrc stand between us and the cluster" {
	local port
	port=$(free_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x -addext subjectAltName=IP:127.0.0.1 \
		-keyout "$D/key" -out "$D/api-ca.pem" 2> /dev/null
	cat "$D/api-ca.pem" "$D/key" > "$D/api-client.pem"
	openssl s_server -quiet -www -accept "127.0.0.1:$port" -cert "$D/api-ca.pem" -key "$D/key" > /dev/null 2>&1 3>&- &
	keep_pid $!
	wait_for 10 bash -c "exec 4<> /dev/tcp/127.0.0.1/$port"
	export HOME=$D https_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1
	unset no_proxy NO_PROXY
	echo 'proxy = 127.0.0.1:1' > "$D/.curlrc"
	run -0 kube_curl "https://127.0.0.1:$port/"
	[[ $output == *"Ciphers supported in s_server"* ]]
}

@test "kube_registry: the ConfigMap names the registry's port on the host, which is remembered" {
	printf '%s\n' port_5000=40001 port_6443=40002 > "$D/ports"
	curl() { printf '%s\n' "$@" > "$D/called"; }
	kube_registry
	[ "$(sed -n '/^  localRegistryHosting/,/^https/p' "$D/called")" = '  localRegistryHosting.v1: |
    host: "127.0.0.1:40001"
    hostFromContainerRuntime: "registry:5000"
    hostFromClusterNetwork: "registry:5000"
    help: "make image-push IMG=..."
https://127.0.0.1:40002/api/v1/namespaces/kube-public/configmaps/local-registry-hosting?fieldManager=kubestamp&force=true' ]
	[ "$(cat "$D/hosted_at")" = 40001 ]
	curl() { return 22; }
	rm "$D/hosted_at"
	run ! kube_registry
	[ ! -e "$D/hosted_at" ]
}

@test "kube_names: the names in a list of the API, with their namespaces" {
	run -0 kube_names <<< '{"kind":"SecretList","metadata":{"resourceVersion":"515"},"items":[{"metadata":{"name":"a","namespace":"kube-system","uid":"1","annotations":{"x":"{\"metadata\":{\"name\":\"no\",\"namespace\":\"no\"}}"}},"type":"t"},{"metadata":{"name":"b-1","generateName":"b-","namespace":"default","uid":"2"}}]}'
	[ "$output" = $'kube-system/a\ndefault/b-1' ]
	run -0 kube_names <<< '{"kind":"SecretList","metadata":{},"items":[]}'
	[ -z "$output" ]
}

@test "kube-pki: the directory of the certificates may have any name" {
	export D="$BATS_TEST_TMPDIR/a,b&c \"#d" KUBEADM_CONFIG=$BATS_TEST_TMPDIR/config
	mkdir "$D"
	printf '%s\n' 'kind: ClusterConfiguration' 'certificatesDir: /etc/kubernetes/pki' 'clusterName: c' > "$KUBEADM_CONFIG"
	# kubeadm init phase certs all --config FILE
	printf '#!/bin/bash\n[ "$3" = kubeconfig ] || mkdir "${6%%/*}/pki"\n' > "$BIN_KUBERNETES/kubeadm"
	chmod +x "$BIN_KUBERNETES/kubeadm"
	run -0 "$TOP/mk/sh/cluster/kube-pki"
	[ "$(cat "$D/kubeadm.yaml")" = "kind: ClusterConfiguration
certificatesDir: \"${D//\"/\\\"}/kubernetes/pki\"
clusterName: c" ]
	[ -s "$D/kubernetes/pki/encryption.yaml" ]
}
