# A cluster's containers, keys and ports; sourced by the commands that make, use and remove one, and by the live
# stages, whose machine is a cluster of one node that is still being made.
#
# Needs CLUSTER (the prefix of its containers), D (its directory under build/) and B. What a cluster was made with
# stays in $D/conf.
# shellcheck shell=bash
. "$TOP/mk/sh/ui.sh"

# cl_engine: the container engine and what it wants to be told (see mk/sh/engine).
cl_engine() {
	local conf=$B/engine-${ENGINE:-auto}.conf
	[ -e "$conf" ] || ENGINE=${ENGINE:-} "$TOP/mk/sh/engine" "$conf"
	# shellcheck source=/dev/null
	. "$conf"
}

# cl_own_name KIND: the name of a cluster that the stages make for themselves; no other checkout's is called so.
cl_own_name() { echo "$1-$PROVIDER-$(printf '%s' "$B" | cksum | cut -d' ' -f1)"; }

cl_fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# cl_load_image LAYOUT TAG NAME: have the engine know NAME, from an OCI layout. An image is the digest of its
# configuration.
cl_load_image() {
	local id
	id=$(skopeo inspect --raw --config "oci:$1:$2" | sha256sum)
	[ "$("${engine[@]}" image inspect --format '{{.Id}}' "$3" 2> /dev/null | sed 's/^sha256://')" != "${id%% *}" ] || return 0
	if [ "$ENGINE" = podman ]; then
		# podman's own pull makes a name of the layout's path, and fails where that is none.
		skopeo copy -q "oci:$1:$2" "containers-storage:$3"
	else
		# skopeo does not know docker's contexts, nor DOCKER_HOST.
		skopeo copy -q --dest-daemon-host "$(docker context inspect --format '{{.Endpoints.docker.Host}}')" \
			"oci:$1:$2" "docker-daemon:$3"
	fi
}

# cl_run ROLE OPTION... : start the container PREFIX-ROLE. Nothing is privileged, and no capability is kept that
# the caller does not ask for.
cl_run() {
	local role=$1
	shift
	"${engine[@]}" run -d --name "$CLUSTER-$role" --label "org.kubestamp.cluster=$CLUSTER" \
		--label "org.kubestamp.role=$role" --label "org.kubestamp.directory=$D" "${engine_run[@]}" \
		--cap-drop all --security-opt no-new-privileges --security-opt label=disable \
		"${RUN_MOUNTS[@]}" "$@" > /dev/null
}

# cl_port CONTAINER-PORT: the host port on 127.0.0.1 that it is published at; empty: none.
cl_port() {
	"${engine[@]}" port "$CLUSTER-dnsmasq" "$1" 2> /dev/null | sed -n '1s/.*://p'
}

# cl_publish FIXED PORT: an option of run that publishes PORT at 127.0.0.1:FIXED, or at a free port.
cl_publish() { printf -- '--publish=127.0.0.1:%s:%s' "$1" "$2"; }

# cl_network: the container that owns the cluster's network. SSH of node NN is at port 2200+NN.
cl_network() {
	local n forward=() publish=() p ssh=${SSH_PORT:-}
	for ((n = 1; n <= NODES; n++)); do
		forward+=("$((2200 + n)):$n:22")
		publish+=("$(cl_publish "${ssh:+$((ssh + n - 1))}" $((2200 + n)))")
	done
	publish+=("$(cl_publish "${REGISTRY_PORT:-}" 5000)")
	if [ -n "${kubernetes_version:-}" ]; then
		forward+=(6443:1:6443)
		publish+=("$(cl_publish "${API_PORT:-}" 6443)")
	fi
	for p in ${PUBLISH:-}; do
		forward+=("${p#*:}:1:${p#*:}")
		case $p in
		*:*) publish+=("$(cl_publish "${p%%:*}" "${p#*:}")") ;;
		*) publish+=("$(cl_publish "" "$p")") ;;
		esac
	done
	cl_run dnsmasq --cap-add net_admin --cap-add net_raw --cap-add net_bind_service --cap-add setuid \
		--cap-add setgid --device /dev/net/tun \
		--sysctl net.ipv4.ip_forward=1 --sysctl net.ipv4.conf.all.route_localnet=1 \
		--sysctl net.ipv6.conf.all.disable_ipv6=0 --hostname dnsmasq \
		-e NODES="$NODES" -e NICS="${NICS:-0}" -e FORWARD="${forward[*]}" -e CUT="${CUT:-}" \
		"${publish[@]}" "$IMAGE" /usr/lib/kubestamp/run/network
}

cl_registry() {
	cl_run registry --network "container:$CLUSTER-dnsmasq" "$IMAGE" /usr/lib/kubestamp/run/registry
}

# cl_node NUMBER [OPTION...]: one node; $D/nodeNN is its /run/kubestamp: console.log, sockets, seed.tar.
cl_node() {
	local name kvm=() memory
	name=$(printf 'node%02d' "$1")
	mkdir -p "$D/$name"
	[ "$ACCEL" != kvm ] || kvm=(--device /dev/kvm)
	memory=${MEMORY:-$node_memory}
	cl_run "$name" --network "container:$CLUSTER-dnsmasq" --device /dev/net/tun "${kvm[@]}" \
		--shm-size "$memory" --stop-timeout 120 --volume "$D/$name:/run/kubestamp" \
		-e MEMORY="$memory" -e CPUS="${CPUS:-}" -e DISK="${DISK:-}" -e NICS="${NICS:-0}" -e ACCEL="$ACCEL" \
		-e APPEND="${APPEND:-}" "${@:2}" "$IMAGE" /usr/lib/kubestamp/run/node "$1"
}

# cl_keys: the cluster's own SSH keys: one for its user, one that its nodes show.
cl_keys() {
	mkdir -p "$D"
	rm -f "$D"/ssh_key* "$D"/host_key*
	ssh-keygen -q -t ed25519 -N '' -C "kubestamp $CLUSTER" -f "$D/ssh_key"
	ssh-keygen -q -t ed25519 -N '' -C "kubestamp $CLUSTER" -f "$D/host_key"
	printf 'node* %s\n' "$(cut -d' ' -f1,2 "$D/host_key.pub")" > "$D/known_hosts"
	rm -f "$D/host_key.pub.old"
}

# cl_seed NUMBER: what node NUMBER is given at its first boot: keys, and on node01 what $D/kubernetes holds.
cl_seed() {
	local name tree
	name=$(printf 'node%02d' "$1")
	tree=$D/$name/seed
	mkdir -p "$tree/root/.ssh" "$tree/etc/ssh/host"
	chmod 700 "$tree/root" "$tree/root/.ssh"
	cp "$D/ssh_key.pub" "$tree/root/.ssh/authorized_keys"
	cp "$D/host_key" "$tree/etc/ssh/host/ssh_host_ed25519_key"
	cp "$D/host_key.pub" "$tree/etc/ssh/host/ssh_host_ed25519_key.pub"
	if [ "$1" = 1 ] && [ -d "$D/kubernetes" ]; then
		cp -R "$D/kubernetes" "$tree/etc/kubernetes"
		rm -f "$tree/etc/kubernetes/kubeadm.yaml"
	fi
	(umask 077 && tar -C "$tree" --owner=0 --group=0 -cf "$D/$name/seed.tar" root/.ssh etc)
	rm -rf "$tree"
}

# cl_ssh NUMBER [COMMAND...]: run a command on a node, or a login shell; its exit code, stdout and stderr.
cl_ssh() {
	local number=$1 port
	shift
	port=$(cl_saved_port $((2200 + number)))
	ssh -F /dev/null -i "$D/ssh_key" -p "$port" -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes \
		-o UserKnownHostsFile="$D/known_hosts" -o HostKeyAlias="$(printf 'node%02d' "$number")" \
		-o ConnectTimeout=60 -o ServerAliveInterval=30 -o LogLevel=ERROR root@127.0.0.1 "$@"
}

# cl_save_ports: $D/ports: "CONTAINER-PORT HOST-PORT" a line, so that no engine has to be asked afterwards.
cl_save_ports() {
	"${engine[@]}" port "$CLUSTER-dnsmasq" | sed -n 's,^\([0-9]*\)/tcp -> .*:\([0-9]*\)$,\1 \2,p' | sort -nu > "$D/ports"
	cl_running dnsmasq || { "${engine[@]}" logs "$CLUSTER-dnsmasq" >&2; cl_fail "the network's container ended"; }
	[ -s "$D/ports" ] || cl_fail "the engine published no port of $CLUSTER"
}

cl_saved_port() { awk -v p="$1" '$1 == p { print $2 }' "$D/ports"; }

# cl_wait_ssh SECONDS: until every node has answered.
cl_wait_ssh() {
	local n hosts=()
	for ((n = 1; n <= NODES; n++)); do hosts+=("127.0.0.1:$(cl_saved_port $((2200 + n)))"); done
	"$BIN/waitssh" --timeout "$1" "${hosts[@]}" && return 0
	cl_consoles
	return 124
}

# cl_consoles: the last lines of every node's console, for an error.
cl_consoles() {
	local dir
	for dir in "$D"/node*; do
		echo "the console of $(basename "$dir") ends so:"
		tail -n 8 "$dir/console.log" 2> /dev/null | tr -d '\r' | sed 's/^/  /'
		"${engine[@]}" logs --tail 4 "$CLUSTER-$(basename "$dir")" 2>&1 | sed 's/^/  /'
	done
}

cl_containers() {
	"${engine[@]}" ps -a -q --filter "label=org.kubestamp.cluster=$CLUSTER" "$@"
}

# cl_running ROLE
cl_running() {
	[ "$("${engine[@]}" inspect --format '{{.State.Running}}' "$CLUSTER-$1" 2> /dev/null)" = true ]
}

# cl_remove: everything that belongs to the cluster, the network's owner last; nothing is asked of the guests.
cl_remove() {
	local id
	for role in node registry dnsmasq; do
		for id in $(cl_containers --filter "name=$CLUSTER-$role"); do
			"${engine[@]}" rm -f -v -t 0 "$id" > /dev/null 2>&1 || "${engine[@]}" rm -f -v "$id" > /dev/null
		done
	done
	rm -rf "$D"
}

# cl_scale SECONDS: a deadline for this accelerator; emulation is 10 to 20 times slower, and not in everything.
cl_scale() {
	if [ "$ACCEL" = kvm ]; then echo "$1"; else echo $(($1 * 8)); fi
}
