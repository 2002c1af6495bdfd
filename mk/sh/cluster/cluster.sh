# A cluster's containers, keys and ports. Sourced by the commands that start, use and remove a cluster, and by the live
# stages: the machine that is being provisioned is a cluster of one node.
#
# Needs CLUSTER (the prefix of the containers' names), D (the cluster's directory, $B/clusters/CLUSTER) and B. $D/conf holds
# the settings that cluster-up resolved (settings.sh); its format is described in conf.sh.
# shellcheck shell=bash
. "$TOP/mk/sh/common/conf.sh"
. "$TOP/mk/sh/common/ui.sh"

# cl_engine: set ENGINE, engine (its command) and engine_run (options of its run command): see mk/sh/common/engine.
cl_engine() {
	local conf=$B/engine-${ENGINE:-auto}.conf auto=$B/engine-auto.conf
	[ -e "$conf" ] || [ ! -e "$auto" ] || [ "$(conf_get "$auto" ENGINE)" != "$ENGINE" ] || conf=$auto
	[ -e "$conf" ] || ENGINE=${ENGINE:-} "$TOP/mk/sh/common/engine" "$conf"
	conf_read "$conf"
}

# cl_own_name KIND: the name of a cluster that a stage starts, different in every build directory.
cl_own_name() { echo "$1-$PROVIDER-$(printf '%s' "$B" | cksum | cut -d' ' -f1)"; }

# cl_need: fail if there is no such cluster in this checkout; otherwise read its settings.
cl_need() {
	[ -e "$D/conf" ] || fail "there is no cluster $CLUSTER here; 'make cluster-up' starts one, 'make list' lists them"
	conf_read "$D/conf"
}

# cl_lock: no other command starts, stops or removes this cluster until this one ends. What is started in the background
# must not inherit file descriptor 9.
cl_lock() {
	mkdir -p "$B/clusters"
	exec 9> "$B/clusters/$CLUSTER.lock"
	flock -n 9 || fail "another make is working on the cluster $CLUSTER"
}

# cl_hold FILE...: take these locks until this command ends, or fail at once if another command has one of them. cl_unheld
# COMMAND...: run COMMAND, which may leave a process behind, without the locks.
cl_held=()
cl_hold() {
	local file fd
	for file; do
		exec {fd}< "$file" || return
		cl_held+=("$fd")
		flock -n "$fd" || return
	done
}
cl_unheld() {
	(
		for fd in "${cl_held[@]}"; do exec {fd}<&-; done
		"$@"
	)
}

# cl_exit_on_signals: a signal runs the EXIT trap with 128 plus its number.
cl_exit_on_signals() {
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}

# cl_node_name NUMBER, cl_nodes: the name of a node, of all nodes.
cl_node_name() { printf 'node%02d\n' "$1"; }
cl_nodes() {
	local n
	for ((n = 1; n <= NODES; n++)); do cl_node_name "$n"; done
}

# cl_each COMMAND [ARGUMENT...]: run COMMAND ARGUMENT... NUMBER for each node, for all of them at once; fails if one fails.
cl_each() { cl_each_from 1 "$@"; }

# cl_each_from FIRST COMMAND [ARGUMENT...]: the same for the nodes from number FIRST on.
cl_each_from() {
	local n pids=() rc=0
	for ((n = $1; n <= NODES; n++)); do
		"${@:2}" "$n" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || rc=$?; done
	return "$rc"
}

# cl_image_id NAME: print the image's id, the digest of its configuration; nothing if the engine does not have it.
cl_image_id() { "${engine[@]}" image inspect --format '{{.Id}}' "$1" 2> /dev/null | sed 's/^sha256://'; }

# cl_load_image LAYOUT TAG NAME: load an image of an OCI layout into the engine as NAME, unless it is already there.
cl_load_image() {
	local id
	id=$(cat "$1.id" 2> /dev/null) || id=$(skopeo inspect --raw --config "oci:$1:$2" | sha256sum)
	[ "$(cl_image_id "$3")" != "${id%% *}" ] || return 0
	if [ "$ENGINE" = podman ]; then
		# podman pull would make an image name of the layout's path, and fail where the path is not a valid one.
		skopeo copy -q "oci:$1:$2" "containers-storage:$3"
	else
		# skopeo knows neither docker's contexts nor DOCKER_HOST.
		skopeo copy -q --dest-daemon-host "$(docker context inspect --format '{{.Endpoints.docker.Host}}')" \
			"oci:$1:$2" "docker-daemon:$3"
	fi
}

# cl_run ROLE OPTION...: start the container PREFIX-ROLE, unprivileged, with only the capabilities that OPTIONs add.
cl_run() {
	local role=$1
	shift
	"${engine[@]}" run -d --name "$CLUSTER-$role" --label "org.kubestamp.cluster=$CLUSTER" \
		--label "org.kubestamp.role=$role" --label "org.kubestamp.directory=$D" "${engine_run[@]}" \
		--cap-drop all --security-opt no-new-privileges --security-opt label=disable \
		"${RUN_MOUNTS[@]}" "$@" > /dev/null
}

# cl_network: start the container that owns the cluster's network, which publishes its ports: those that the user has set;
# others where they were when the cluster was saved ($D/ports), if they are free. If those turn out to be in use, free
# ones are chosen. network_nodes is the number of nodes that it is for, if some of them start later than those of $NODES.
cl_network() {
	cl_run_network && return
	[ -e "$D/ports" ] || return 1
	cl_remove_containers dnsmasq
	rm -f "$D/ports"
	cl_run_network
}
cl_run_network() {
	local ports NODES=${network_nodes:-$NODES}
	ports=$("$BIN/clusterports" --before "$D/ports" --others "$B/clusters" "NODES=$NODES" "SSH_PORT=${SSH_PORT:-}" \
		"REGISTRY_PORT=${REGISTRY_PORT:-}" "API_PORT=${API_PORT:-}" "PUBLISH=${PUBLISH:-}" \
		"kubernetes_version=${kubernetes_version:-}") || return
	mapfile -t ports <<< "$ports"
	cl_run dnsmasq --cap-add net_admin --cap-add net_raw --cap-add net_bind_service --cap-add setuid \
		--cap-add setgid --device /dev/net/tun \
		--sysctl net.ipv4.ip_forward=1 --sysctl net.ipv4.conf.all.route_localnet=1 \
		--sysctl net.ipv6.conf.all.disable_ipv6=0 --hostname dnsmasq \
		-e NODES="$NODES" -e NICS="${NICS:-0}" -e CUT="${CUT:-}" \
		"${ports[@]}" "$IMAGE" /usr/lib/kubestamp/run/network
}

# cl_registry: start the cluster's registry. Its files are in $D/registry, which is saved with the cluster. If the cluster has a
# certificate authority the registry uses TLS with a certificate signed by it; $D/registry-ca is for clients (--cert-dir).
cl_registry() {
	local certificate=()
	mkdir -p "$D/registry"
	if [ -e "$D/kubernetes/pki/ca.key" ]; then
		cl_registry_certificate
		certificate=(--volume "$D/registry-tls:/etc/kubestamp/registry:ro")
	fi
	cl_run registry --network "container:$CLUSTER-dnsmasq" --volume "$D/registry:/var/lib/registry" "${certificate[@]}" "$IMAGE" \
		/usr/lib/kubestamp/run/registry
}

# cl_registry_certificate: make the registry's key and certificate, for its names in the cluster and on this machine.
cl_registry_certificate() {
	local pki=$D/kubernetes/pki tls=$D/registry-tls
	(umask 077 && mkdir -p "$tls")
	mkdir -p "$D/registry-ca"
	cp "$pki/ca.crt" "$D/registry-ca/ca.crt"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=registry \
		-keyout "$tls/tls.key" -out "$tls/tls.csr" 2> /dev/null
	openssl x509 -req -in "$tls/tls.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 365 -out "$tls/tls.crt" \
		-set_serial "0x$(od -An -N15 -tx1 /dev/urandom | tr -d ' \n')" -extfile <(printf '%s\n' \
			"subjectAltName=DNS:registry,DNS:localhost,IP:127.0.0.1,IP:${network_address%/*}" \
			extendedKeyUsage=serverAuth) 2> /dev/null
}

# cl_node NUMBER [OPTION...]: start a node's container. $D/nodeNN is its /run/kubestamp: disk, console.log, sockets, seed.tar.
# The node resumes from the saved state STATE_DIR; if that is empty, it boots.
cl_node() {
	local name kvm=() memory state=()
	name=$(cl_node_name "$1")
	mkdir -p "$D/$name"
	[ "$ACCEL" != kvm ] || kvm=(--device /dev/kvm)
	memory=${MEMORY:-$node_memory}
	# Not read-only: vmstart records in the directory which files it has verified, and QEMU before 9 opens the file of the memory
	# for writing, although it does not write to it.
	[ -z "${STATE_DIR:-}" ] || state=(--volume "$STATE_DIR:/var/lib/kubestamp/state" --label "org.kubestamp.state=$STATE_DIR")
	cl_run "$name" --network "container:$CLUSTER-dnsmasq" --device /dev/net/tun "${kvm[@]}" \
		--stop-timeout 120 --volume "$D/$name:/run/kubestamp" "${state[@]}" \
		-e MEMORY="$memory" -e CPUS="${CPUS:-}" -e DISK="${DISK:-}" -e NICS="${NICS:-0}" -e ACCEL="$ACCEL" \
		-e APPEND="${APPEND:-}" "${@:2}" "$IMAGE" /usr/lib/kubestamp/run/node "$1"
}

# cl_copy_out PATH TO: copy files out of the image.
cl_copy_out() {
	local id rc=0
	id=$("${engine[@]}" create --network none "${engine_run[@]}" "$IMAGE" true) || return
	"${engine[@]}" cp "$id:$1" "$2" || rc=$?
	"${engine[@]}" rm "$id" > /dev/null
	return "$rc"
}

# cl_share: copy what the image has for this machine (provider.conf, kubeadm, kubectl ...) to $D/share. Needs IMAGE_ID; each
# image is unpacked only once, into the user's cache.
cl_share() {
	local kept=$KS_CACHE/share/$IMAGE_ID new
	if [ ! -e "$kept" ]; then
		new=$kept.$$
		mkdir -p "$KS_CACHE/share"
		cl_copy_out /usr/share/kubestamp/cluster "$new" || return
		mv -T "$new" "$kept" 2> /dev/null || rm -rf "$new"
	fi
	rm -rf "$D/share"
	mkdir -p "$D"
	cp -al "$kept" "$D/share" 2> /dev/null || { rm -rf "$D/share"; cp -a "$kept" "$D/share"; }
	touch "$kept"
}

# cl_keys: make the cluster's SSH keys, one for its user and one for its nodes.
cl_keys() {
	mkdir -p "$D"
	rm -f "$D"/ssh_key* "$D"/host_key*
	ssh-keygen -q -t ed25519 -N '' -C "kubestamp $CLUSTER" -f "$D/ssh_key"
	ssh-keygen -q -t ed25519 -N '' -C "kubestamp $CLUSTER" -f "$D/host_key"
	printf 'node* %s\n' "$(cut -d' ' -f1,2 "$D/host_key.pub")" > "$D/known_hosts"
}

# cl_seed NUMBER: make seed.tar, which the node unpacks when it first boots: SSH keys, and for node01 $D/kubernetes.
cl_seed() {
	local name tree
	name=$(cl_node_name "$1")
	tree=$D/$name/seed
	mkdir -p "$tree/root/.ssh" "$tree/etc/ssh/host"
	chmod 700 "$tree/root" "$tree/root/.ssh"
	cp "$D/ssh_key.pub" "$tree/root/.ssh/authorized_keys"
	cp "$D/host_key" "$tree/etc/ssh/host/ssh_host_ed25519_key"
	cp "$D/host_key.pub" "$tree/etc/ssh/host/ssh_host_ed25519_key.pub"
	if [ "$1" = 1 ] && [ -d "$D/kubernetes" ]; then
		cp -R "$D/kubernetes" "$tree/etc/kubernetes"
	fi
	(umask 077 && tar -C "$tree" --owner=0 --group=0 -cf "$D/$name/seed.tar" root/.ssh etc)
	rm -rf "$tree"
}

# cl_ssh NUMBER [COMMAND...]: run a command, or a login shell, on a node; returns its exit code. It tries to connect several
# times, because the SSH server of a node that has just resumed restarts to load its new key.
cl_ssh() {
	local ssh
	cl_ssh_options "$1"
	"${ssh[@]}" root@127.0.0.1 "${@:2}"
}

# cl_ssh_within SECONDS NUMBER COMMAND...: the same with a timeout, for a node that may not answer; ssh's own are longer. It
# stays in the process group of the caller, and so ends with it (--foreground).
cl_ssh_within() {
	local ssh
	cl_ssh_options "$2"
	timeout --foreground "$1" "${ssh[@]}" root@127.0.0.1 "${@:3}"
}

# cl_ssh_options NUMBER: set the array ssh to the ssh command for the node.
cl_ssh_options() {
	ssh=(ssh -F /dev/null -i "$D/ssh_key" -p "$(cl_saved_port $((2200 + $1)))" -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes
		-o UserKnownHostsFile="$D/known_hosts" -o HostKeyAlias="$(cl_node_name "$1")"
		-o ConnectTimeout=60 -o ConnectionAttempts=10 -o ServerAliveInterval=30 -o LogLevel=ERROR)
	[ -z "${CL_SHARED:-}" ] || ssh+=(-o ControlPath="$CL_SHARED/$1")
}

# cl_ssh_share NUMBER: open a connection to the node that every cl_ssh uses from now on (its socket is in $CL_SHARED): opening
# one takes half a second under emulation. cl_ssh_alone closes it: a machine that is saved must have no connection.
cl_ssh_share() {
	local ssh
	# The path of a socket is limited to 107 bytes.
	CL_SHARED=$(mktemp -d)
	cl_ssh_options "$1"
	# ssh stays in the background and must not hold the stage's lock.
	"${ssh[@]}" -o ControlMaster=yes -f -N root@127.0.0.1 9>&-
}
cl_ssh_alone() {
	local ssh
	[ -n "${CL_SHARED:-}" ] || return 0
	cl_ssh_options "$1"
	"${ssh[@]}" -O exit root@127.0.0.1 2> /dev/null || true
	rm -rf "$CL_SHARED"
	CL_SHARED=
}

# cl_save_ports: write the published ports to $D/ports, port_CONTAINER-PORT=HOST-PORT, so that no engine has to be asked later.
cl_save_ports() {
	"${engine[@]}" port "$CLUSTER-dnsmasq" | "$BIN/clusterports" --save "$D/ports" && return
	# An engine reports no ports for a container that has ended.
	cl_running dnsmasq || { "${engine[@]}" logs "$CLUSTER-dnsmasq" >&2; fail "$CLUSTER: the network's container ended"; }
	fail "$CLUSTER: $ENGINE published no port"
}

# cl_saved_port PORT: print where PORT is published, from $D/ports: "PORT HOST-PORT" a line in earlier versions.
cl_saved_port() { sed -nE "s/^(port_)?$1[= ]//p" "$D/ports"; }

# cl_give_keys: under sudo, make the user who ran it the owner of the cluster's keys.
cl_give_keys() {
	local files=("$D/ssh_key" "$D/known_hosts")
	[ ! -e "$D/kubeconfig" ] || files+=("$D/kubeconfig")
	[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-0}" "${files[@]}"
}

# cl_wait_ssh SECONDS: wait until every node answers.
cl_wait_ssh() {
	local n hosts=()
	for ((n = 1; n <= NODES; n++)); do hosts+=("127.0.0.1:$(cl_saved_port $((2200 + n)))"); done
	if [ "$ACCEL" = tcg ]; then
		# Not 0: BOOT_TIMEOUT may be 1.
		set -- "$((($1 + 1) / 2))"
		"$BIN/waitssh" --timeout "$1" "${hosts[@]}" 2> /dev/null && return 0
		cl_restart_stalled
	fi
	"$BIN/waitssh" --timeout "$1" "${hosts[@]}" && return 0
	cl_consoles
	return 124
}

# cl_restart_stalled: an emulated kernel may lose its timer while it boots, and stands still then (one of some 60 boots of Linux
# 6.12 with QEMU 10): start these nodes again.
cl_restart_stalled() {
	local name
	for name in $(cl_nodes); do
		if grep -aqE 'rcu: .*(detected stalls|self-detected stall)|soft lockup' "$D/$name/console.log" 2> /dev/null; then
			echo "$name: its kernel stands still; starting it again"
			"${engine[@]}" restart -t 0 "$CLUSTER-$name" > /dev/null
		fi
	done
}

# cl_consoles: print the last lines of every node's console, for an error.
cl_consoles() {
	local dir
	for dir in "$D"/node*; do
		echo "the last lines of the console of ${dir##*/}:"
		{ tail -n 8 "$dir/console.log" 2> /dev/null | tr -d '\r' | sed 's/^/  /'; } || true
		{ "${engine[@]}" logs --tail 4 "$CLUSTER-${dir##*/}" 2>&1 | sed 's/^/  /'; } || true
	done
}

# cl_ps [OPTION...]: list the cluster's containers. cl_containers: only their ids.
cl_ps() { "${engine[@]}" ps -a --filter "label=org.kubestamp.cluster=$CLUSTER" "$@"; }
cl_containers() { cl_ps -q "$@"; }

# cl_running ROLE: does that container run?
cl_running() {
	[ "$("${engine[@]}" inspect --format '{{.State.Running}}' "$CLUSTER-$1" 2> /dev/null)" = true ]
}

# cl_remove_containers [ROLE...]: remove the cluster's containers, or those whose role begins with ROLE, without shutting the
# guests down; the one that owns the network last.
cl_remove_containers() {
	local id role
	[ $# -gt 0 ] || set -- node registry dnsmasq
	for role; do
		for id in $(cl_containers --filter "name=$CLUSTER-$role"); do
			"${engine[@]}" rm -f -v -t 0 "$id" > /dev/null 2>&1 || "${engine[@]}" rm -f -v "$id" > /dev/null
		done
	done
}

# cl_started_in: print the directory of the cluster that the containers belong to, $D or that of another checkout; nothing if
# there are none.
cl_started_in() {
	local id
	id=$(cl_containers) || return
	[ -z "$id" ] || "${engine[@]}" inspect --format '{{index .Config.Labels "org.kubestamp.directory"}}' "${id%%$'\n'*}"
}

# cl_unfinished [kept]: until $D.unfinished is removed, what is there of the cluster is of no use: if this command is killed, the
# next cluster-up begins with removing it, unless the user wants to inspect it (kept).
cl_unfinished() { echo "${1:-}" > "$D.unfinished"; }

# cl_remove: remove everything that belongs to the cluster.
cl_remove() {
	cl_remove_containers
	rm -rf "$D" "$D.unfinished"
}

# cl_scale SECONDS: print the timeout for this accelerator. Emulation is 10 to 20 times slower, but not in everything.
cl_scale() {
	if [ "$ACCEL" = kvm ]; then echo "$1"; else echo $(($1 * 8)); fi
}
