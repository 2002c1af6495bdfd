# Saving clusters and resuming them from saved state. Sourced; needs cluster.sh.
#
# Saved state is a directory: nodeNN/ (see vmsave(1)), cluster/ (the files of $D that belong to the cluster: its
# certificate authority and keys), registry/ (what was pushed, if anything) and conf. It has its final name only when it is
# complete. vmstate --usable tells whether it can still be used.
# shellcheck shell=bash

# The path, in the nodes' containers, of the saved state that they resumed from.
STATE_INSIDE=/var/lib/kubestamp/state

# state_stood_still: print how many seconds passed between saving the running node01 and resuming it; 0 if it was booted.
state_stood_still() {
	local conf saved_at=
	conf=$(cat "$D/state" 2> /dev/null)/conf || true
	[ ! -e "$conf" ] || saved_at=$(conf_get "$conf" saved_at) || return
	echo $((${saved_at:+$(stat -c %Y "$D/node01/vm.json") - saved_at}))
}

# state_registry FROM TO: copy the files of a registry, if it has any.
state_registry() {
	[ -d "$1/docker" ] || return 0
	mkdir -p "$2"
	cp -a --reflink=auto "$1/." "$2/"
}

# state_free NUMBER: drop the caches of a guest, which need not be saved, and then wait until the guest is idle, for about 1.5 s
# at most: a process that is ready to run when it is saved runs first whenever it resumes, and should not have to read
# from the disk then.
state_free() {
	cl_ssh "$1" bash << 'END'
sync
echo 3 > /proc/sys/vm/drop_caches
# Pause with read: a sleep process would be counted as running.
exec 9<> <(:)
calm=0
for ((turn = 0; turn < 20 && calm < 3; turn++)); do
	read -r -t 0.05 -u 9
	while read -r name value _; do [ "$name" != procs_running ] || break; done < /proc/stat
	# One of them is this shell.
	if [ "$value" -le 1 ]; then calm=$((calm + 1)); else calm=0; fi
done
END
}

# state_save DIR [VMSAVE-OPTION...]: save the running cluster as DIR, completely or not at all; an existing DIR is replaced.
# All nodes are paused at the same time, for about 0.1 s. With KEEP_CACHES=1 they keep their caches. It does not wait until
# the data is on the disk: after a crash the saved state is verified before it is used.
state_save() {
	local dir=$1 new
	shift
	new=$(dirname "$dir")/.$(basename "$dir").new.$$
	rm -rf "$(dirname "$dir")/.$(basename "$dir")".new.*
	if ! state_fill "$new" "$@"; then
		rm -rf "$new"
		return 1
	fi
	# If interrupted between these two, there is no saved state, and the cluster boots the next time.
	rm -rf "$dir" && mv "$new" "$dir"
}

# state_fill NEW [VMSAVE-OPTION...]: the same, to the new directory NEW.
state_fill() {
	local new=$1 name v saved_at expires_at pairs=() maps=()
	shift
	(umask 077 && mkdir -p "$new/cluster") || return
	[ -z "${STATE_DIR:-}" ] || maps=(--map "$STATE_INSIDE=$STATE_DIR")
	[ -n "${KEEP_CACHES:-}" ] || cl_each state_free || true
	for name in $(cl_nodes); do pairs+=("$name" "$new/$name"); done
	# Relative paths, since the path of a socket must be short.
	(cd "$D" && "$BIN/vmsave" -v --no-sync --timeout "$(cl_scale 60)" "${maps[@]}" "$@" "${pairs[@]}") || return
	state_registry "$D/registry" "$new/registry" || return
	for v in "$D"/*; do
		case ${v##*/} in
		# SSH keys and what belongs to the kubeconfig are created again whenever it resumes.
		node* | share | conf | registry* | at | pending | state | ssh_key* | host_key* | known_hosts | kubeconfig | api-*) ;;
		*) cp -a "$v" "$new/cluster/" || return ;;
		esac
	done
	expires_at=$("$BIN/vmstate" --expires "$new/cluster") || return
	saved_at=$EPOCHSECONDS
	conf_write "$new/conf" PROVIDER IMAGE IMAGE_ID NODES NICS MEMORY CPUS DISK ACCEL WITH kubernetes_version saved_at expires_at
}

# state_copy FROM TO: copy saved state; the nodes' files become hard links if possible, and are unpacked.
state_copy() {
	local node
	(umask 077 && mkdir "$2") && cp -a "$1/cluster" "$1/conf" "$2/" && state_registry "$1/registry" "$2/registry" || return
	for node in "$1"/node*; do "$BIN/vmstate" --unpack --output "$2/${node##*/}" "$node" || return; done
}

# state_take DIR: copy the cluster's files to $D, before its nodes resume.
state_take() {
	mkdir -p "$D"
	cp -a "$1/cluster/." "$D/"
	rm -rf "$D/registry"
	state_registry "$1/registry" "$D/registry"
}

# state_node NUMBER: start a node, which resumes from $STATE_DIR. $D/nodeNN/renew.tar has the keys that it gets then.
state_node() {
	cl_seed "$1"
	(umask 077 && tar -C "$D" --format=ustar --owner=0 --group=0 --transform 's,^ssh_key.pub$,root/.ssh/authorized_keys,' \
		--transform 's,^host_key,etc/ssh/host/ssh_host_ed25519_key,' -cf "$D/$(cl_node_name "$1")/renew.tar" \
		ssh_key.pub host_key host_key.pub)
	cl_node "$1" -e RESUME_TIMEOUT="$(cl_scale 20)"
}

# state_nodes: start the nodes, and wait until each has resumed and been renewed (renew(1)). If one cannot resume, print its
# error.
state_nodes() {
	local name n end
	cl_each state_node || return
	end=$((SECONDS + $(cl_scale 20) + 10))
	for name in $(cl_nodes); do
		n=0
		until [ -e "$D/$name/vm.json" ]; do
			# Asking the engine takes longer than a node takes to resume: ask it rarely.
			n=$((n + 1))
			if [ $((n % 40)) = 0 ] && ! cl_running "$name"; then
				echo "$name does not resume: $("${engine[@]}" logs "$CLUSTER-$name" 2>&1 | grep -m 1 '^vmstart: ')"
				return 1
			fi
			[ "$SECONDS" -lt "$end" ] || { echo "$name does not resume: timeout"; return 124; }
			sleep 0.05
		done
	done
}

# state_start DIR [keep]: start the cluster $CLUSTER from the saved state DIR, with new SSH keys, on the ports that the user
# has set, otherwise on those that it had when it was saved, if they are free. keep: its network is still running, with its
# ports. The API may not answer yet. Each call of the engine takes 0.1 s, so there are as few as possible, in parallel.
state_start() {
	local others=() n rc=0
	STATE_DIR=$1
	state_take "$STATE_DIR" || return
	cl_keys
	[ "${2:-}" = keep ] || cl_network || return
	cl_registry &
	others+=($!)
	{ cl_save_ports && { [ -z "$kubernetes_version" ] || kube_config; }; } &
	others+=($!)
	state_nodes || rc=$?
	for n in "${others[@]}"; do wait "$n" || rc=$?; done
	return "$rc"
}

# state_ready: is every node of a resumed cluster Ready according to the API (core/v1 NodeCondition)? If the registry's address
# has changed, it is sent over the same connection, since opening another one costs the API more than a request.
state_ready() {
	local api patch nodes registry next=()
	registry=$(cl_saved_port 5000)
	kube_curl_options
	# A connection that is never answered (seen with three nodes at once) must not use up the timeout of the caller.
	api+=(--max-time "$(cl_scale 3)")
	if [ "$(cat "$D/hosted_at" 2> /dev/null)" != "$registry" ]; then
		kube_registry_options
		next=(--next "${api[@]}" "${patch[@]}")
	fi
	nodes=$(curl -q --fail-early "${api[@]}" "$(kube_server)/api/v1/nodes" "${next[@]}") || return 1
	echo "$registry" > "$D/hosted_at"
	[ "$(jq '[.items[].status.conditions[]? | select(.type == "Ready" and .status == "True")] | length' <<< "$nodes")" = "$NODES" ] ||
		{ echo "not all nodes are Ready"; return 1; }
}

# state_ssh: wait until SSH answers, if ssh itself would not retry: the server restarts to load its new key, which takes up
# to two seconds, and meanwhile the proxy of docker, and of podman without root, accepts connections for it.
state_ssh() { [ "$ENGINE $(id -u)" = "podman 0" ] || cl_wait_ssh "$(cl_scale 15)"; }

# state_login NUMBER: wait until a login to this node succeeds. sshd restarts to load its new keys, and resets connections that
# it has not accepted yet, which ssh does not try again. At the deadline print ssh's last message, and return 124.
state_login() {
	local why end=$((SECONDS + $(cl_scale 15)))
	while [ "$SECONDS" -lt "$end" ]; do
		if why=$(cl_ssh_within "$((end - SECONDS + 1))" "$1" true 2>&1); then return 0; fi
		sleep 0.2
	done
	echo "$(cl_node_name "$1") does not accept a login: ${why##*$'\n'}"
	return 124
}

# state_serves: wait until SSH and the API (if there is one) of a resumed cluster answer.
state_serves() {
	local rc=0 ssh
	state_ssh &
	ssh=$!
	# Without an API, SSH is all that the cluster's user can connect to.
	[ -n "$kubernetes_version" ] || cl_each state_login || rc=$?
	[ -z "$kubernetes_version" ] || kube_wait "$(cl_scale 15)" "nodes Ready" state_ready || rc=$?
	wait "$ssh" || rc=$?
	return "$rc"
}

# state_key: print the name under which cluster-up keeps saved state: a hash of every option that changes a node.
state_key() {
	printf '%s\n' "$IMAGE_ID" "$NODES" "${MEMORY:-$node_memory}" "${CPUS:-$node_cpus}" "${DISK:-$node_disk}" \
		"${NICS:-0}" "$ACCEL" ${WITH:+"$WITH"} | sha256sum | cut -c1-32
}

# state_from_image DIR: unpack the saved state in the image to DIR.
state_from_image() {
	local new=$1.image.$$
	rm -rf "$1".image.*
	(umask 077 && mkdir -p "$new")
	if ! { cl_copy_out /usr/share/kubestamp/state/. "$new" && "$BIN/vmstate" --unpack "$new/node01"; }; then
		rm -rf "$new"
		return 1
	fi
	rm -rf "$1" && mv "$new" "$1"
}

# state_in_use DIR: does a cluster of this user exist that resumed from DIR? The disks of that cluster need it.
state_in_use() {
	[ -n "$("${engine[@]}" ps -a -q --filter "label=org.kubestamp.state=$1")" ]
}

# state_prune DIR KEEP: remove the saved states under DIR, except those in use and the KEEP most recently used ones.
state_prune() {
	local old confs=("$1"/*/conf)
	# Without operands ls would list the working directory.
	[ -e "${confs[0]:-}" ] || return 0
	# shellcheck disable=SC2012 # their names are digits
	ls -1t -- "${confs[@]}" | tail -n +$(($2 + 1)) | while read -r old; do
		state_in_use "${old%/conf}" || rm -rf "${old%/conf}"
	done
}
