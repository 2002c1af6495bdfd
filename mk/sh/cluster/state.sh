# The saved states of clusters: sourced by what saves and resumes them. Needs cluster.sh.
#
# A state is a directory: nodeNN/ (of vmsave), cluster/ (what of $D belongs to the cluster: its authority and keys),
# registry/ (what was pushed, if anything), and conf. It gets its name last.
# shellcheck shell=bash

# state_inside: where the nodes' containers see the state that they resumed from.
STATE_INSIDE=/var/lib/kubestamp/state

# state_node_names: node01 ...
state_node_names() {
	local n
	for ((n = 1; n <= NODES; n++)); do printf 'node%02d\n' "$n"; done
}

# state_expires DIR: when the first certificate under DIR ends, in seconds since 1970; nothing: there is none.
state_expires() {
	local cert
	find "$1" -name '*.crt' | while read -r cert; do
		date -d "$(openssl x509 -noout -enddate -in "$cert" | cut -d= -f2)" +%s
	done | sort -n | head -n 1
}

# state_stood_still: how many seconds of the time since it was saved the running node01 did not run, if it has resumed.
state_stood_still() {
	local saved_at
	saved_at=$(sed -n 's/^saved_at=//p' "$(cat "$D/state" 2> /dev/null)/conf" 2> /dev/null) || true
	echo $((${saved_at:+$(stat -c %Y "$D/node01/vm.json") - saved_at}))
}

# state_registry FROM TO: a copy of a registry's files. Those of blobs never change: they are linked.
state_registry() {
	[ -d "$1/docker" ] || return 0
	mkdir -p "$2"
	cp -a --reflink=auto "$1/." "$2/"
}

# state_free: the guests forget what they have cached, which would be saved as if it were of use; then a moment is waited for
# at which nobody in them has anything to do, some 1.5 s at most: what is about to run when they are saved is the first thing
# to run whenever they resume, and what they need for it is not to come from the disk.
state_free() {
	local n pids=()
	for ((n = 1; n <= NODES; n++)); do
		cl_ssh "$n" bash << 'END' &
sync
echo 3 > /proc/sys/vm/drop_caches
# A pause without a process of its own, which would be one that runs.
exec 9<> <(:)
calm=0
for ((turn = 0; turn < 20 && calm < 3; turn++)); do
	read -r -t 0.05 -u 9
	while read -r name value _; do [ "$name" != procs_running ] || break; done < /proc/stat
	# This one is the one that runs.
	if [ "$value" -le 1 ]; then calm=$((calm + 1)); else calm=0; fi
done
END
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || true; done
}

# state_save DIR [VMSAVE-OPTION...]: save the running cluster as DIR, whole or not at all; an earlier DIR is replaced.
# The nodes stop at the same moment, for some 0.1 s, and go on. KEEP_CACHES=1: they keep what they have cached. The disk is
# not waited for: what a crash leaves of the state is found out.
state_save() {
	local dir=$1 new
	shift
	new=$(dirname "$dir")/.$(basename "$dir").new.$$
	rm -rf "$(dirname "$dir")/.$(basename "$dir")".new.*
	if ! state_fill "$new" "$@"; then
		rm -rf "$new"
		return 1
	fi
	# Between these two there is no state: that is found out, and it is not trusted.
	rm -rf "$dir" && mv "$new" "$dir"
}

state_fill() {
	local new=$1 name v pairs=() maps=()
	shift
	(umask 077 && mkdir -p "$new/cluster") || return
	[ -z "${STATE_DIR:-}" ] || maps=(--map "$STATE_INSIDE=$STATE_DIR")
	[ -n "${KEEP_CACHES:-}" ] || state_free
	for name in $(state_node_names); do pairs+=("$name" "$new/$name"); done
	# The paths are kept short: a socket's name has little room.
	(cd "$D" && "$BIN/vmsave" -v --no-sync --timeout "$(cl_scale 60)" "${maps[@]}" "$@" "${pairs[@]}") || return
	state_registry "$D/registry" "$new/registry" || return
	for v in "$D"/*; do
		case ${v##*/} in
		# SSH keys are made anew whenever it resumes; what is of the kubeconfig too.
		node* | share | conf | registry* | at | state | ssh_key* | host_key* | known_hosts | kubeconfig | api-*) ;;
		*) cp -a "$v" "$new/cluster/" || return ;;
		esac
	done
	{
		for v in PROVIDER IMAGE IMAGE_ID NODES NICS MEMORY CPUS DISK ACCEL kubernetes_version; do
			printf '%s=%q\n' "$v" "${!v:-}"
		done
		printf 'saved_at=%s\nexpires_at=%s\n' "$(date +%s)" "$(state_expires "$new/cluster")"
	} > "$new/conf"
}

# state_copy FROM TO: the same state once more; the files of its nodes are the very same.
state_copy() {
	local node
	(umask 077 && mkdir "$2") && cp -a "$1/cluster" "$1/conf" "$2/" && state_registry "$1/registry" "$2/registry" || return
	for node in "$1"/node*; do "$BIN/vmstate" --unpack --output "$2/${node##*/}" "$node" || return; done
}

# state_fits DIR: may it be resumed now? Says why not. (Whether its files are whole is vmstart's question.)
state_fits() {
	local saved_at expires_at now
	now=$(date +%s)
	[ -e "$1/conf" ] || { echo "there is none"; return 1; }
	saved_at=$(sed -n 's/^saved_at=//p' "$1/conf") expires_at=$(sed -n 's/^expires_at=//p' "$1/conf")
	if [ "$now" -lt $((saved_at - 300)) ]; then
		echo "this machine's clock ($(date -d "@$now" '+%F %T')) is before the time of the saving ($(date -d "@$saved_at" '+%F %T'))"
		return 1
	fi
	if [ -n "$expires_at" ] && [ "$now" -ge $((expires_at - 3600)) ]; then
		echo "the certificates in it have ended ($(date -d "@$expires_at" +%F); saved $(date -d "@$saved_at" +%F))"
		return 1
	fi
}

# state_take DIR: what of the state is put into $D before its nodes resume.
state_take() {
	mkdir -p "$D"
	cp -a "$1/cluster/." "$D/"
	rm -rf "$D/registry"
	state_registry "$1/registry" "$D/registry"
}

# state_nodes: start the nodes, which resume from $STATE_DIR, and wait until each is renewed. What a node's machine says
# when it cannot is the error.
state_nodes() {
	local name n end pids=()
	for ((n = 1; n <= NODES; n++)); do
		name=$(printf 'node%02d' "$n")
		mkdir -p "$D/$name"
		cl_seed "$n"
		(umask 077 && tar -C "$D" --format=ustar --owner=0 --group=0 --transform 's,^ssh_key.pub$,root/.ssh/authorized_keys,' \
			--transform 's,^host_key,etc/ssh/host/ssh_host_ed25519_key,' -cf "$D/$name/renew.tar" \
			ssh_key.pub host_key host_key.pub)
		cl_node "$n" -e RESUME_TIMEOUT="$(cl_scale 20)" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || return; done
	end=$((SECONDS + $(cl_scale 20) + 10))
	for name in $(state_node_names); do
		n=0
		until [ -e "$D/$name/vm.json" ]; do
			# Asking the engine takes longer than what is waited for.
			n=$((n + 1))
			if [ $((n % 40)) = 0 ] && ! cl_running "$name"; then
				echo "$name does not resume: $("${engine[@]}" logs "$CLUSTER-$name" 2>&1 | grep -m 1 '^vmstart: ')"
				return 1
			fi
			[ "$SECONDS" -lt "$end" ] || { echo "$name does not resume: not in time"; return 124; }
			sleep 0.05
		done
	done
}

# state_start DIR [keep]: the cluster of the state DIR as $CLUSTER, with keys of its own for SSH, at the ports that it is
# given, else at those that it was saved with if they are free; keep: its network is there still, and so are its ports. Its API
# may not answer yet. Each call of the engine takes a tenth of a second: there are no more than have to be, side by side.
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

# state_ready: every node of a cluster that resumed is Ready, as its API says (core/v1 NodeCondition: type, then status), and
# it has been told where the registry is, unless it knows. One connection does for both: opening one costs the API more than
# an answer.
state_ready() {
	local api patch nodes registry next=()
	registry=$(cl_saved_port 5000)
	kube_curl_options
	# A connection that nobody answers (seen with three nodes at once) must not take all the time there is: another does.
	api+=(--max-time "$(cl_scale 3)")
	if [ "$(cat "$D/hosted_at" 2> /dev/null)" != "$registry" ]; then
		kube_registry_options
		next=(--next "${api[@]}" "${patch[@]}")
	fi
	nodes=$(curl --fail-early "${api[@]}" "$(kube_server)/api/v1/nodes" "${next[@]}") || return 1
	echo "$registry" > "$D/hosted_at"
	[ "$(grep -o '"type":"Ready","status":"True"' <<< "$nodes" | wc -l)" = "$NODES" ] ||
		{ echo "not all nodes are Ready"; return 1; }
}

# state_ssh: until SSH answers, where ssh itself would not ask again. The server takes its new key by starting anew, for up to
# two seconds; the proxy of docker, and of podman without root, takes a connection although nobody is behind it.
state_ssh() { [ "$ENGINE $(id -u)" = "podman 0" ] || cl_wait_ssh "$(cl_scale 15)"; }

# state_serves: until SSH and, if it has one, the API of a cluster that resumed do.
state_serves() {
	local rc=0 ssh
	state_ssh &
	ssh=$!
	[ -z "$kubernetes_version" ] || kube_wait "$(cl_scale 15)" "nodes Ready" state_ready || rc=$?
	wait "$ssh" || rc=$?
	return "$rc"
}

# state_key: what a state that cluster-up keeps is known by: all that a node could tell from another's.
state_key() {
	printf '%s\n' "$IMAGE_ID" "$NODES" "${MEMORY:-$node_memory}" "${CPUS:-$node_cpus}" "${DISK:-$node_disk}" \
		"${NICS:-0}" "$ACCEL" ${WITH:+"$WITH"} | sha256sum | cut -c1-32
}

# state_from_image DIR: the state that the image brings, unpacked.
state_from_image() {
	local new=$1.image.$$ id rc=0
	rm -rf "$1".image.*
	id=$("${engine[@]}" create --network none "${engine_run[@]}" "$IMAGE" true) || return
	(umask 077 && mkdir -p "$new")
	"${engine[@]}" cp "$id:/usr/share/kubestamp/state/." "$new" && "$BIN/vmstate" --unpack "$new/node01" || rc=1
	"${engine[@]}" rm "$id" > /dev/null
	if [ "$rc" = 0 ]; then rm -rf "$1" && mv "$new" "$1"; else rm -rf "$new"; fi
	return "$rc"
}

# state_in_use DIR: does a cluster of this user stand on it?
state_in_use() {
	[ -n "$("${engine[@]}" ps -a -q --filter "label=org.kubestamp.state=$1")" ]
}

# state_prune DIR KEEP: of the states under DIR keep the KEEP that were used last, and those in use.
state_prune() {
	local old confs=("$1"/*/conf)
	# Without a name ls would list the directory that this runs in.
	[ -e "${confs[0]:-}" ] || return 0
	# shellcheck disable=SC2012 # their names are digits
	ls -1t -- "${confs[@]}" | tail -n +$(($2 + 1)) | while read -r old; do
		state_in_use "${old%/conf}" || rm -rf "${old%/conf}"
	done
}
