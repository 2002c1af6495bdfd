# What is done with a Kubernetes cluster from outside, for the live stages and for cluster-up. Needs cluster.sh,
# and BIN_KUBERNETES (where kubeadm and kubectl are).
# shellcheck shell=bash

# kube_value WORD: what stands for @WORD@; nothing if provider.ini does not say.
kube_value() {
	local value word
	case $1 in
	api_address) value=${network_first_node%.*}.$((${network_first_node##*.} + 1)) ;;
	version | kubeadm_api | cgroup_driver | cri_socket | dns) word=kubernetes_$1 value=${!word:-} ;;
	# As a map's entries, and as the value of a flag.
	feature_gates) value=${kubernetes_feature_gates:-} value=${value//=/: } value=$(sed -E 's/(true|false) /\1, /g' <<< "$value") ;;
	feature_gates_flag) value=${kubernetes_feature_gates:-} value=${value// /,} ;;
	repository | etcd | pause | coredns) word=images_$1 value=${!word:-} ;;
	tools_image) value=${images_tools_repository:-$images_repository}/kubestamp-tools:$images_tools ;;
	volumes) value=$storage_volumes ;;
	*) word=network_$1 value=${!word:-} ;;
	esac
	printf '%s\n' "$value"
}

# kube_template FILE...: the files, with another file of the same directory in place of a line "@include NAME".
kube_template() {
	local file line
	for file; do
		if ! grep -q '^@include ' "$file"; then
			cat "$file" || return
			continue
		fi
		while IFS= read -r line; do
			case $line in
			'@include '*)
				line=${line#@include }
				kube_template "${file%/*}/${line//@kubeadm_api@/${kubernetes_kubeadm_api:-}}" || return
				;;
			*) printf '%s\n' "$line" ;;
			esac
		done < "$file"
	done
}

# kube_render FILE...: the files as kube_template has them, with @words@ replaced from provider.ini; a word that stands
# for nothing is an error. A line that begins with @WORD=VALUE@ is there without that where the word stands for VALUE,
# and not at all elsewhere; one that begins with @WORD?@ is there where the word stands for anything.
kube_render() {
	local text script='' mark word value c=$'\001'
	text=$(kube_template "$@" && echo .) || cl_fail "$*: what it includes is not there (kubeadm_api = ${kubernetes_kubeadm_api:-})"
	text=${text%.}
	while IFS= read -r mark; do
		word=${mark#@} word=${word%@}
		value=$(kube_value "${word%%[=?]*}")
		case $word in
		*=*) [ "$value" = "${word#*=}" ] && value=yes || value= ;;
		esac
		if [ -n "$value" ]; then script+="s$c^${mark//\?/[?]}$c$c;"; else script+="/^${mark//\?/[?]}/d;"; fi
	done < <(grep -ohE '^@[a-z_]+(=[a-z0-9]+|[?])@' <<< "$text" | sort -u)
	text=$(printf %s "$text" | sed "$script" && echo .)
	text=${text%.}
	script=
	while IFS= read -r word; do
		value=$(kube_value "$word")
		[ -n "$value" ] || cl_fail "$*: @$word@ stands for nothing in provider.ini"
		script+="s$c@$word@$c$value${c}g;"
	done < <(grep -ohE '@[a-z_]+@' <<< "$text" | tr -d @ | sort -u)
	printf %s "$text" | sed "$script"
}

# kube_join TOKEN SERVER CA-HASH: kubeadm's configuration of a node that joins, for the provider's version of its API
# (kubeadm-config(v1beta4): discovery.timeout became timeouts.discovery). An image that does not say which is of 1.20.
kube_join() {
	local api=${kubernetes_kubeadm_api:-v1beta2}
	cat <<-END
		apiVersion: kubeadm.k8s.io/$api
		kind: JoinConfiguration
		discovery:
		  bootstrapToken:
		    token: $1
		    apiServerEndpoint: $2
		    caCertHashes: ["sha256:$3"]
	END
	case $api in
	v1beta2 | v1beta3) echo '  timeout: 20m0s' ;;
	*) printf 'timeouts:\n  discovery: 20m0s\n' ;;
	esac
	printf 'nodeRegistration:\n  criSocket: %s\n' "${kubernetes_cri_socket:-/run/containerd/containerd.sock}"
}

# kube_config: $D/kubeconfig, for the host: admin.conf with the port that is published on 127.0.0.1; and for kube_curl what
# is trusted and trusted for in it, as files.
kube_config() {
	(
		umask 077
		sed "s,^\( *server: \).*,\1https://127.0.0.1:$(cl_saved_port 6443)," "$D/kubernetes/admin.conf" > "$D/kubeconfig.new"
		mv "$D/kubeconfig.new" "$D/kubeconfig"
		kube_pem certificate-authority-data > "$D/api-ca.pem"
		{ kube_pem client-certificate-data && kube_pem client-key-data; } > "$D/api-client.pem"
	)
}

# kube_server: the URL of the API.
kube_server() { sed -n 's/^ *server: //p' "$D/kubeconfig"; }

# kube_curl CURL-OPTION...: curl with what $D/kubeconfig trusts and is trusted for; kube_curl_options has these options in
# $api, for a second request of the same curl. To one that calls itself curl the API sends what is to be read by people
# (apiserver, responsewriters.SerializeObject: isPrettyPrint), not one line.
kube_curl_options() {
	api=(-A kubestamp -sS --fail --max-time 120 --globoff --cacert "$D/api-ca.pem" --cert "$D/api-client.pem")
}
kube_curl() {
	local api
	kube_curl_options
	curl "${api[@]}" "$@"
}

# kube_registry: tells the cluster's users, and tools that push for them, where its registry is: the ConfigMap of KEP-1755
# (github.com/kubernetes/enhancements, keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry).
# kube_registry_options has kube_curl's options for that in $patch. $D/hosted_at is the port that it tells: a cluster that
# resumes need not be told what it was told before it was saved.
kube_registry_options() {
	patch=(-o /dev/null -X PATCH -H 'Content-Type: application/apply-patch+yaml' --data-binary "$(printf '%s\n' \
		'apiVersion: v1' 'kind: ConfigMap' 'metadata: { name: local-registry-hosting, namespace: kube-public }' \
		'data:' '  localRegistryHosting.v1: |' "    host: \"127.0.0.1:$(cl_saved_port 5000)\"" \
		'    hostFromContainerRuntime: "registry:5000"' '    hostFromClusterNetwork: "registry:5000"' \
		'    help: "make image-push IMG=..."')"
		"$(kube_server)/api/v1/namespaces/kube-public/configmaps/local-registry-hosting?fieldManager=kubestamp&force=true")
}
kube_registry() {
	local patch
	kube_registry_options
	kube_curl "${patch[@]}" && cl_saved_port 5000 > "$D/hosted_at"
}

# kube_names: of a list of objects that the API has sent, "NAMESPACE/NAME" a line.
kube_names() {
	grep -oE '"metadata":\{"name":"[^"]*",("generateName":"[^"]*",)?"namespace":"[^"]*"' |
		sed -E 's,^"metadata":\{"name":"([^"]*)".*"namespace":"([^"]*)"$,\2/\1,' || true
}

# kube_pem NAME: what $D/kubeconfig has in base64.
kube_pem() { sed -n "s/^ *$1: //p" "$D/kubeconfig" | base64 -d; }

kc() { "$BIN_KUBERNETES/kubectl" --kubeconfig "$D/kubeconfig" --request-timeout 120s "$@"; }

# kube_wait SECONDS TEXT COMMAND...: until COMMAND succeeds; else TEXT and its last words, and 124.
kube_wait() {
	local end=$((SECONDS + $1)) text=$2 words
	shift 2
	until words=$("$@" 2>&1); do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "error: $text: not in time; ${words##*$'\n'}" >&2
			return 124
		fi
		sleep 1
	done
}

kube_api_ready() { [ "$(kc get --raw /readyz)" = ok ]; }

# kube_node_ready NAME: Ready, as said by the kubelet of this very boot.
kube_node_ready() {
	local boot
	boot=$(cl_ssh "$((10#${1#node}))" cat /proc/sys/kernel/random/boot_id) || return 1
	[ "$(kc get node "$1" -o 'jsonpath={.status.nodeInfo.bootID} {.status.conditions[?(@.type=="Ready")].status}')" = \
		"$boot True" ] || { echo "$1 is not Ready"; return 1; }
}

# kube_pods_are PHASES [MINIMUM]: at least MINIMUM pods, and every one of them Ready, or in one of the PHASES ("A|B"); else
# those that are not.
kube_pods_are() {
	local pods
	pods=$(kc get pods -A -o 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.phase} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
	[ "$(grep -c . <<< "$pods")" -ge "${2:-1}" ] || { echo "only: ${pods//$'\n'/, }"; return 1; }
	! grep -vE " (Running True|($1) .*)\$" <<< "$pods" || return 1
}

# kube_pods_ready [MINIMUM]: at least MINIMUM pods, and every one of them Ready, or finished.
kube_pods_ready() { kube_pods_are Succeeded "${1:-1}"; }

# kube_pods_back: every pod Ready again after a stop. One that is never started again may have failed by it, and has ended
# (kubernetes.io, Pod Lifecycle: "Failed").
kube_pods_back() { kube_pods_are 'Succeeded|Failed'; }

# kube_pod_states: for an error: what each pod waits for.
kube_pod_states() {
	kc get nodes,pods -A -o wide 2>&1 || true
	kc get events -A --sort-by .lastTimestamp 2>&1 | tail -n 15 || true
}

# kube_nothing_pulled LIST: every pod's image is in LIST, none has the tag latest, no container wants Always, and no
# event speaks of a pull.
kube_nothing_pulled() {
	local pods bad
	pods=$(kc get pods -A -o json) || return 1
	bad=$("$BIN/kubeimages" --declared "$1" <<< "$pods") || { echo "error: what is not among the provider's images, or would be pulled: $bad" >&2; return 1; }
	bad=$(kc get events -A --field-selector reason=Pulling -o name)
	[ -z "$bad" ] || { echo "error: something was pulled: $bad" >&2; return 1; }
}

# kube_volumes NODE: the node's local volumes, as PersistentVolume objects.
kube_volumes() {
	local i
	for ((i = 1; i <= storage_volumes; i++)); do
		cat <<-END
			---
			apiVersion: v1
			kind: PersistentVolume
			metadata:
			  name: $1-disk$i
			  labels: { kubestamp.org/node: $1 }
			spec:
			  storageClassName: local
			  capacity: { storage: ${storage_size:-10Gi} }
			  accessModes: [ReadWriteOnce]
			  persistentVolumeReclaimPolicy: Delete
			  local: { path: /mnt/local-storage/local/disk$i }
			  nodeAffinity:
			    required:
			      nodeSelectorTerms:
			        - matchExpressions:
			            - { key: kubernetes.io/hostname, operator: In, values: [$1] }
		END
	done
}
