# A cluster's containers, keys and ports; sourced by the commands that make, use and remove one, and by the live
# stages, whose machine is a cluster of one node that is still being made.
#
# Needs CLUSTER (the prefix of its containers), D (its directory under build/) and B. What a cluster was made with
# stays in $D/conf.
# shellcheck shell=bash
. "$TOP/mk/sh/common/ui.sh"

# cl_engine: the container engine and what it wants to be told (see mk/sh/common/engine).
cl_engine() {
	local conf=$B/engine-${ENGINE:-auto}.conf
	[ -e "$conf" ] || ENGINE=${ENGINE:-} "$TOP/mk/sh/common/engine" "$conf"
	# shellcheck source=/dev/null
	. "$conf"
}

# cl_own_name KIND: the name of a cluster that the stages make for themselves; no other checkout's is called so.
cl_own_name() { echo "$1-$PROVIDER-$(printf '%s' "$B" | cksum | cut -d' ' -f1)"; }

cl_fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# cl_need: the cluster is here; what it was made with, in the shell's variables.
cl_need() {
	[ -e "$D/conf" ] || cl_fail "there is no cluster $CLUSTER here; 'make cluster-up' starts one, 'make list' lists them"
	# shellcheck source=/dev/null
	. "$D/conf"
}

# cl_image_id NAME: the image's id, the digest of its configuration; nothing if the engine does not know it.
cl_image_id() { "${engine[@]}" image inspect --format '{{.Id}}' "$1" 2> /dev/null | sed 's/^sha256://'; }

# cl_load_image LAYOUT TAG NAME: have the engine know NAME, from an OCI layout.
cl_load_image() {
	local id
	id=$(cat "$1.id" 2> /dev/null) || id=$(skopeo inspect --raw --config "oci:$1:$2" | sha256sum)
	[ "$(cl_image_id "$3")" != "${id%% *}" ] || return 0
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

# cl_publish FIXED PORT: an option of run that publishes PORT at 127.0.0.1:FIXED; else where it was before, or at a free port.
cl_publish() { printf -- '--publish=127.0.0.1:%s:%s' "${1:-$(cl_port_before "$2")}" "$2"; }

# cl_port_before PORT: where PORT was when the cluster was saved ($D/ports), if nobody listens there now and no cluster here
# that is stopped will: what its user's programs know of it still holds then.
cl_port_before() {
	local port other
	port=$(cl_saved_port "$1" 2> /dev/null) || return 0
	# Who listens and does not answer would be waited for.
	[ -n "$port" ] && ! timeout 1 bash -c ": < /dev/tcp/127.0.0.1/$port" 2> /dev/null || return 0
	for other in "$B"/clusters/*/ports; do
		[ "$other" = "$D/ports" ] || ! grep -qs " $port\$" "$other" || return 0
	done
	echo "$port"
}

# cl_network: the container that owns the cluster's network. SSH of node NN is at port 2200+NN. A port of before that somebody
# has taken after all is no reason to fail.
cl_network() {
	cl_run_network && return
	[ -e "$D/ports" ] || return 1
	cl_remove_containers dnsmasq
	rm -f "$D/ports"
	cl_run_network
}
cl_run_network() {
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

# What is pushed is kept in $D/registry: a saved cluster's registry comes back with it. Where the cluster has a certificate
# authority the registry speaks TLS, as one whom that trusts; $D/registry-ca is what a client is told (--cert-dir).
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

# cl_registry_certificate: a key and a certificate of the registry of its own, for the names that it has in the cluster
# and on this machine.
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

# cl_node NUMBER [OPTION...]: one node; $D/nodeNN is its /run/kubestamp: disk, console.log, sockets, seed.tar. STATE is
# the saved state of the cluster that it resumes from; empty: it boots.
cl_node() {
	local name kvm=() memory state=()
	name=$(printf 'node%02d' "$1")
	mkdir -p "$D/$name"
	[ "$ACCEL" != kvm ] || kvm=(--device /dev/kvm)
	memory=${MEMORY:-$node_memory}
	# Not read-only: QEMU 7.2 opens the memory for writing, though it never writes to it.
	[ -z "${STATE_DIR:-}" ] || state=(--volume "$STATE_DIR:/var/lib/kubestamp/state" --label "org.kubestamp.state=$STATE_DIR")
	cl_run "$name" --network "container:$CLUSTER-dnsmasq" --device /dev/net/tun "${kvm[@]}" \
		--stop-timeout 120 --volume "$D/$name:/run/kubestamp" "${state[@]}" \
		-e MEMORY="$memory" -e CPUS="${CPUS:-}" -e DISK="${DISK:-}" -e NICS="${NICS:-0}" -e ACCEL="$ACCEL" \
		-e APPEND="${APPEND:-}" "${@:2}" "$IMAGE" /usr/lib/kubestamp/run/node "$1"
}

# cl_share: what the image brings for this side ($D/share): provider.conf, kubeadm, kubectl. Needs IMAGE_ID; each
# image is unpacked once.
cl_share() {
	local id kept=$KS_CACHE/share/$IMAGE_ID new
	if [ ! -e "$kept" ]; then
		new=$kept.$$
		mkdir -p "$KS_CACHE/share"
		id=$("${engine[@]}" create --network none "${engine_run[@]}" "$IMAGE" true)
		"${engine[@]}" cp "$id:/usr/share/kubestamp/cluster" "$new" || { "${engine[@]}" rm "$id" > /dev/null; return 1; }
		"${engine[@]}" rm "$id" > /dev/null
		mv -T "$new" "$kept" 2> /dev/null || rm -rf "$new"
	fi
	rm -rf "$D/share"
	mkdir -p "$D"
	cp -al "$kept" "$D/share" 2> /dev/null || { rm -rf "$D/share"; cp -a "$kept" "$D/share"; }
	touch "$kept"
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

# cl_ssh NUMBER [COMMAND...]: run a command on a node, or a login shell; its exit code, stdout and stderr. The server of
# a node that has just resumed takes its new key by starting anew: for a moment nobody listens.
cl_ssh() {
	local ssh
	cl_ssh_options "$1"
	"${ssh[@]}" root@127.0.0.1 "${@:2}"
}

# cl_ssh_options NUMBER: the ssh command for it, in $ssh.
cl_ssh_options() {
	ssh=(ssh -F /dev/null -i "$D/ssh_key" -p "$(cl_saved_port $((2200 + $1)))" -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes
		-o UserKnownHostsFile="$D/known_hosts" -o HostKeyAlias="$(printf 'node%02d' "$1")"
		-o ConnectTimeout=60 -o ConnectionAttempts=10 -o ServerAliveInterval=30 -o LogLevel=ERROR)
	[ -z "${CL_SHARED:-}" ] || ssh+=(-o ControlPath="$CL_SHARED/$1")
}

# cl_ssh_share NUMBER: from here on there is one connection to the node, kept in the directory $CL_SHARED: to open one takes
# an emulated node half a second. cl_ssh_alone ends it: a machine that is saved is to have none.
cl_ssh_share() {
	local ssh
	# A socket's name has little room.
	CL_SHARED=$(mktemp -d)
	cl_ssh_options "$1"
	# Whoever waits for the lock of the stage does not wait for it.
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

# cl_save_ports: $D/ports: "CONTAINER-PORT HOST-PORT" a line, so that no engine has to be asked afterwards.
cl_save_ports() {
	"${engine[@]}" port "$CLUSTER-dnsmasq" | sed -n 's,^\([0-9]*\)/tcp -> .*:\([0-9]*\)$,\1 \2,p' | sort -nu > "$D/ports"
	# An engine that is asked too late has none.
	[ ! -s "$D/ports" ] || return 0
	cl_running dnsmasq || { "${engine[@]}" logs "$CLUSTER-dnsmasq" >&2; cl_fail "the network's container ended"; }
	cl_fail "the engine published no port of $CLUSTER"
}

# cl_save_conf: what the cluster was made with, for those who use it later.
cl_save_conf() {
	local v files=("$D/ssh_key" "$D/known_hosts")
	for v in CLUSTER PROVIDER ENGINE ACCEL NODES NICS MEMORY CPUS DISK IMAGE IMAGE_ID STATE_DIR kubernetes_version; do
		printf '%s=%q\n' "$v" "${!v:-}"
	done > "$D/conf"
	# Under sudo the keys are for the user who asked.
	[ ! -e "$D/kubeconfig" ] || files+=("$D/kubeconfig")
	[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-0}" "${files[@]}"
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

# cl_remove_containers [ROLE...]: the containers of the cluster, or those whose role begins so; the network's owner
# last. Nothing is asked of the guests.
cl_remove_containers() {
	local id role
	[ $# -gt 0 ] || set -- node registry dnsmasq
	for role; do
		for id in $(cl_containers --filter "name=$CLUSTER-$role"); do
			"${engine[@]}" rm -f -v -t 0 "$id" > /dev/null 2>&1 || "${engine[@]}" rm -f -v "$id" > /dev/null
		done
	done
}

# cl_remove: everything that belongs to the cluster.
cl_remove() {
	cl_remove_containers
	rm -rf "$D"
}

# cl_scale SECONDS: a deadline for this accelerator; emulation is 10 to 20 times slower, and not in everything.
cl_scale() {
	if [ "$ACCEL" = kvm ]; then echo "$1"; else echo $(($1 * 8)); fi
}
