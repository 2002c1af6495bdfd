# The control plane of the node that is being provisioned, run on this machine while the cluster's database is filled: in an
# emulated node the first 200 objects alone take a minute. Sourced by stages, after lib.sh and cluster/kube.sh.
#
# etcd, the apiserver and the controller manager run as the static pods say, in a network namespace of their own that has only
# the node's address: they reach nothing, and nothing reaches them. $D/kubernetes stands for /etc/kubernetes, and $OUT/etcd for
# /var/lib/etcd.
# shellcheck shell=bash
plane_pids=()

# plane_exec COMMAND [ARGUMENT]...: run COMMAND in the namespace, without this machine's environment.
plane_exec() { nsenter --net="/proc/${plane_pids[0]}/ns/net" env -i PATH="$BIN_KUBERNETES:$PATH" HOME="$OUT" "$@"; }

# plane_background COMMAND [ARGUMENT]...: run COMMAND in the background. It is killed if the stage ends without plane_stop.
plane_background() {
	setpriv --pdeathsig KILL "$@" < /dev/null &
	plane_pids+=($!)
}

# plane_pod POD.YAML: run the program of a static pod.
plane_pod() {
	local command name
	name=$(basename "$1" .yaml)
	mapfile -t command < <("$BIN_KUBERNETES/kubectl" patch --local -f "$1" --type merge -p '{}' -o json |
		jq -r --arg kubernetes "$D/kubernetes" --arg data "$OUT/etcd" '.spec.containers[0].command[] |
			split("/etc/kubernetes") | join($kubernetes) | split("/var/lib/etcd") | join($data)')
	plane_background nsenter --net="/proc/${plane_pids[0]}/ns/net" env -i PATH="$BIN_KUBERNETES" "${command[@]}" > "$OUT/$name.log" 2>&1
}

plane_has_address() { [[ $(plane_exec ip -o address show dev lo) == *" $1/32 "* ]]; }
plane_ready() { [ "$(plane_kubectl get --raw /readyz)" = ok ]; }
plane_kubectl() { plane_exec kubectl --kubeconfig "$D/kubernetes/admin.conf" --request-timeout 30s "$@"; }

# plane_start ADDRESS DIR: start the programs of the static pods in DIR with the node's ADDRESS, and wait for the apiserver. The
# database is new.
plane_start() {
	local pod
	rm -rf "$OUT/etcd"
	install -d -m 700 "$OUT/etcd"
	# shellcheck disable=SC2016 # a variable of the inner shell
	plane_background unshare --net sh -c 'ip link set lo up && ip address add "$1/32" dev lo && exec sleep infinity' sh "$1"
	kube_wait 10 "a network namespace" plane_has_address "$1"
	for pod in etcd kube-apiserver kube-controller-manager; do
		plane_pod "$2/$pod.yaml"
		[ "$pod" != kube-apiserver ] || kube_wait 60 "the apiserver's /readyz on this machine" plane_ready || {
			tail -n 5 "$OUT/$pod.log" >&2
			return 1
		}
	done
}

# plane_stop: end the programs, the last one that was started first, so that etcd has all that they wrote.
plane_stop() {
	local i
	for ((i = ${#plane_pids[@]} - 1; i >= 0; i--)); do
		kill "${plane_pids[i]}"
		timeout 20 tail --pid "${plane_pids[i]}" -f /dev/null || kill -KILL "${plane_pids[i]}"
		wait "${plane_pids[i]}" || true
	done
	plane_pids=()
	rm -f "$OUT"/{etcd,kube-*}.log
}
