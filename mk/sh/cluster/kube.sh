# Operations on a Kubernetes cluster from outside, for the live stages and for cluster-up. Needs cluster.sh, BIN, and
# BIN_KUBERNETES (the directory of kubeadm and kubectl).
# shellcheck shell=bash

# kube_join TOKEN SERVER CA-HASH: print kubeadm's configuration for a joining node, in the provider's version of its API. An image
# without kubeadm_api has Kubernetes 1.20. The token is not in any argument list.
kube_join() {
	"$BIN/kuberender" -F <(printf 'token=%s\n' "$1") -D "server=$2" -D "ca_hash=$3" -D "kubeadm_api=${kubernetes_kubeadm_api:-v1beta2}" \
		-D "cri_socket=${kubernetes_cri_socket:-/run/containerd/containerd.sock}" "$TOP/providers/kubernetes/templates/join.yaml"
}

# kube_config: make $D/kubeconfig for the host: admin.conf with the port that is published on 127.0.0.1; and its
# certificates and key as files, for kube_curl. Not with kubectl, which takes 0.1 s: a cluster that resumes waits for this.
# kubeadm writes each value on one line.
kube_config() {
	(
		umask 077
		sed "s,^\( *server: \).*,\1$(kube_server)," "$D/kubernetes/admin.conf" > "$D/kubeconfig.new"
		mv "$D/kubeconfig.new" "$D/kubeconfig"
		kube_pem certificate-authority-data > "$D/api-ca.pem"
		{ kube_pem client-certificate-data && kube_pem client-key-data; } > "$D/api-client.pem"
	)
}

# kube_pem NAME: print a base64 field of $D/kubeconfig, decoded.
kube_pem() { sed -n "s/^ *$1: //p" "$D/kubeconfig" | base64 -d; }

# kube_server: print the URL of the API on this machine. kube_server_inside: that in the cluster's network.
kube_server() { echo "https://127.0.0.1:$(cl_saved_port 6443)"; }
kube_server_inside() {
	"$BIN_KUBERNETES/kubectl" config view --kubeconfig "$D/kubernetes/admin.conf" -o 'jsonpath={.clusters[0].cluster.server}'
}

# kube_curl CURL-OPTION...: curl with the certificates of $D/kubeconfig. kube_curl_options sets these options in $api, for a
# second request of the same curl. Proxies and ~/.curlrc (-q) do not apply to a port of this machine. The user agent is not
# curl's: for that one the API server indents its answers (apiserver, responsewriters.SerializeObject: isPrettyPrint).
kube_curl_options() {
	api=(--noproxy '*' -A kubestamp -sS --fail --max-time 120 --globoff --cacert "$D/api-ca.pem" --cert "$D/api-client.pem")
}
kube_curl() {
	local api
	kube_curl_options
	curl -q "${api[@]}" "$@"
}

# kube_registry: publish the registry's address in the cluster: the ConfigMap of KEP-1755 (github.com/kubernetes/enhancements,
# keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry). $D/hosted_at keeps the port, so that a resumed
# cluster with the same port need not be updated. kube_registry_options sets kube_curl's options for that in $patch.
kube_registry_options() {
	patch=(-o /dev/null -X PATCH -H 'Content-Type: application/apply-patch+yaml'
		--data-binary "$("$BIN/kuberender" -D "port=$(cl_saved_port 5000)" "$TOP/providers/kubernetes/templates/registry.yaml")"
		"$(kube_server)/api/v1/namespaces/kube-public/configmaps/local-registry-hosting?fieldManager=kubestamp&force=true")
}
kube_registry() {
	local patch
	kube_registry_options
	kube_curl "${patch[@]}" && cl_saved_port 5000 > "$D/hosted_at"
}

# kube_names: read lists of objects from the API; print "NAMESPACE/NAME" for each object.
kube_names() { jq -r '.items[]?.metadata | "\(.namespace)/\(.name)"'; }

kc() { "$BIN_KUBERNETES/kubectl" --kubeconfig "$D/kubeconfig" --request-timeout 120s "$@"; }

# kube_again COMMAND...: run COMMAND, which can be repeated: again as long as the API is too busy to answer. Prints what it said.
kube_again() {
	local end=$((SECONDS + $(cl_scale 60))) words
	until words=$("$@" 2>&1); do
		if [[ ! $words =~ [Tt]imeout|timed\ out|deadline\ exceeded|refused|EOF|TooManyRequests ]] || [ "$SECONDS" -ge "$end" ]; then
			printf '%s\n' "$words" >&2
			return 1
		fi
		sleep 1
	done
	printf '%s\n' "$words"
}

kube_apply() { kube_again kc apply "$@"; }

# kube_wait SECONDS TEXT COMMAND...: wait until COMMAND succeeds; at the deadline print TEXT and the last line of its
# output, and return 124.
kube_wait() {
	local end=$((SECONDS + $1)) text=$2 words
	shift 2
	until words=$("$@" 2>&1); do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "error: $text: timed out; last output: ${words##*$'\n'}" >&2
			return 124
		fi
		sleep 1
	done
}

kube_api_ready() { [ "$(kc get --raw /readyz)" = ok ]; }

# kube_node_ready NAME: is the node Ready, as reported by the kubelet of its current boot?
kube_node_ready() {
	local boot
	boot=$(cl_ssh "$((10#${1#node}))" cat /proc/sys/kernel/random/boot_id) || return 1
	[ "$(kc get node "$1" -o 'jsonpath={.status.nodeInfo.bootID} {.status.conditions[?(@.type=="Ready")].status}')" = \
		"$boot True" ] || { echo "$1 is not Ready"; return 1; }
}

# kube_nodes_ready: wait until every node is Ready.
kube_nodes_ready() {
	local name
	for name in $(cl_nodes); do kube_wait "$(cl_scale 60)" "$name Ready" kube_node_ready "$name" || return; done
}

# A line "NAMESPACE/NAME PHASE READY" for each pod.
kube_pod_line='jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.phase} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'

# kube_pods_are PHASES [MINIMUM [NAMESPACE]]: are there at least MINIMUM pods, each of them Ready or in one of the PHASES
# ("A|B")? Prints those that are not.
kube_pods_are() {
	local pods scope=(-A)
	if [ -n "${3:-}" ]; then scope=(-n "$3"); fi
	pods=$(kc get pods "${scope[@]}" -o "$kube_pod_line") || return 1
	[ "$(grep -c . <<< "$pods")" -ge "${2:-1}" ] || { echo "only: ${pods//$'\n'/, }"; return 1; }
	! grep -vE " (Running True|($1) .*)\$" <<< "$pods" || return 1
}

# kube_pods_ready [MINIMUM]: are there at least MINIMUM pods, each of them Ready or finished?
kube_pods_ready() { kube_pods_are Succeeded "${1:-1}"; }

# kube_workloads_ready: has every Deployment, DaemonSet and StatefulSet all of its pods, and are these Ready? Prints those that have
# not. A controller that has not yet seen one has created no pod of it: kube_pods_ready would miss that.
kube_workloads_ready() {
	local objects waiting
	objects=$(kc get deployments,daemonsets,statefulsets -A -o json) || return 1
	waiting=$(jq -r '.items[] | select((.status.observedGeneration // 0) < .metadata.generation or
		if .kind == "DaemonSet" then (.status.numberReady // 0) < .status.desiredNumberScheduled
		else (.status.readyReplicas // 0) < .spec.replicas end) | "\(.kind) \(.metadata.namespace)/\(.metadata.name) is not ready"' <<< "$objects") || return 1
	[ -z "$waiting" ] || { echo "$waiting"; return 1; }
}

# kube_all_ready MINIMUM: both.
kube_all_ready() { kube_workloads_ready && kube_pods_ready "$1"; }

# kube_pods_back: is every pod Ready again after a stop? A pod with restartPolicy Never that was killed by the stop is
# not started again (kubernetes.io, Pod Lifecycle: "Failed").
kube_pods_back() { kube_pods_are 'Succeeded|Failed'; }

# kube_pod_states: print nodes, pods and the latest events, for an error.
kube_pod_states() {
	kc get nodes,pods -A -o wide 2>&1 || true
	kc get events -A --sort-by .lastTimestamp 2>&1 | tail -n 15 || true
}

# kube_nothing_pulled LIST: is every pod's image in LIST, none with the tag latest or the pull policy Always, and was no
# image pulled?
kube_nothing_pulled() {
	local pods bad
	pods=$(kc get pods -A -o json) || return 1
	bad=$("$BIN/kubeimages" --declared "$1" <<< "$pods") || { echo "error: not among the provider's images, or would be pulled: $bad" >&2; return 1; }
	bad=$(kc get events -A --field-selector reason=Pulling -o name)
	[ -z "$bad" ] || { echo "error: images were pulled: $bad" >&2; return 1; }
}

# kube_volumes NODE: print the node's local volumes, as PersistentVolume objects.
kube_volumes() {
	local i
	for ((i = 1; i <= storage_volumes; i++)); do
		"$BIN/kuberender" -D "node=$1" -D "disk=$i" -D size=10Gi \
			"$TOP/providers/kubernetes/templates/volume.yaml" || return
	done
}
