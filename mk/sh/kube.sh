# What is done with a Kubernetes cluster from outside, for the live stages and for cluster-up. Needs cluster.sh,
# and BIN_KUBERNETES (where kubeadm and kubectl are).
# shellcheck shell=bash

# kube_render FILE...: the files with @words@ replaced from provider.ini; an unknown word is an error.
kube_render() {
	local script='' word value
	while read -r word; do
		case $word in
		api_address) value=${network_first_node%.*}.$((${network_first_node##*.} + 1)) ;;
		version) value=$kubernetes_version ;;
		repository | etcd | pause) word=images_$word value=${!word} word=${word#images_} ;;
		tools_image) value=$images_repository/kubestamp-tools:$images_tools ;;
		volumes) value=$storage_volumes ;;
		*) value=network_$word value=${!value:-} ;;
		esac
		[ -n "$value" ] || cl_fail "$*: @$word@ stands for nothing in provider.ini"
		script+="s,@$word@,$value,g;"
	done < <(grep -ohE '@[a-z_]+@' "$@" | tr -d @ | sort -u)
	sed "$script" "$@"
}

# kube_config: $D/kubeconfig, for the host: admin.conf with the port that is published on 127.0.0.1.
kube_config() {
	(umask 077 && sed "s,^\( *server: \).*,\1https://127.0.0.1:$(cl_saved_port 6443)," \
		"$D/kubernetes/admin.conf" > "$D/kubeconfig.new")
	mv "$D/kubeconfig.new" "$D/kubeconfig"
}

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

# kube_pods_ready [MINIMUM]: at least MINIMUM pods, and every one of them Ready, or finished.
kube_pods_ready() {
	local pods
	pods=$(kc get pods -A -o 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.phase} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
	[ "$(grep -c . <<< "$pods")" -ge "${1:-1}" ] || { echo "only: ${pods//$'\n'/, }"; return 1; }
	! grep -vE ' (Running True|Succeeded .*)$' <<< "$pods" || return 1
}

# kube_pod_states: for an error: what each pod waits for.
kube_pod_states() {
	kc get nodes,pods -A -o wide 2>&1 || true
	kc get events -A --sort-by .lastTimestamp 2>&1 | tail -n 15 || true
}

# kube_images_used: every image that a pod of the cluster names, sorted.
kube_images_used() {
	kc get pods -A -o 'jsonpath={range .items[*]}{range .spec.initContainers[*]}{.image}{"\n"}{end}{range .spec.containers[*]}{.image}{"\n"}{end}{end}' |
		sort -u
}

# kube_nothing_pulled LIST: every pod's image is in LIST, no container wants Always, no event speaks of a pull.
kube_nothing_pulled() {
	local extra
	extra=$(kube_images_used | comm -23 - <(sort -u "$1"))
	[ -z "$extra" ] || { echo "error: not among the provider's images: $extra" >&2; return 1; }
	extra=$(kc get pods -A -o 'jsonpath={range .items[*]}{.metadata.name}{range .spec.containers[?(@.imagePullPolicy=="Always")]} {.name} {end}{"\n"}{end}' | awk 'NF > 1')
	[ -z "$extra" ] || { echo "error: imagePullPolicy is Always in: $extra" >&2; return 1; }
	extra=$(kc get events -A --field-selector reason=Pulling -o name)
	[ -z "$extra" ] || { echo "error: something was pulled: $extra" >&2; return 1; }
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
