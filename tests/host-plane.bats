# mk/sh/stage/host-plane.sh: a node's control plane on this machine. The programs are fakes; the e2e tests run the real ones.
load lib/common

setup() {
	[ "$(id -u)" = 0 ] || skip "only root can make a network namespace"
	export OUT=$BATS_TEST_TMPDIR/out D=$BATS_TEST_TMPDIR/d BIN_KUBERNETES=$BATS_TEST_TMPDIR/bin
	mkdir -p "$OUT" "$D" "$BIN_KUBERNETES" "$BATS_TEST_TMPDIR/pods"
	cd "$BATS_TEST_TMPDIR" || return
	# patch prints the pod; get is the question whether the apiserver is ready.
	program kubectl 'case "$*" in' "patch*-f*) while [ \"\$1\" != -f ]; do shift; done; cat \"\$2\" ;;" "*readyz*) printf ok ;;" esac
	for pod in etcd kube-apiserver kube-controller-manager; do
		printf '{ "spec": { "containers": [ { "command": [ "%s", "--a=/etc/kubernetes/pki/x,/etc/kubernetes/y", "--b=/var/lib/etcd", "two words" ] } ] } }\n' \
			"$pod" > "pods/$pod.yaml"
		program "$pod" "trap 'echo $pod >> \"$OUT/ended\"; exit' TERM" "printf '%s\n' \"\$@\" > \"$OUT/$pod.arguments\"" \
			"env > \"$OUT/$pod.environment\"" "ip -o address > \"$OUT/$pod.addresses\"" \
			"echo \$\$ > \"$OUT/$pod.pid\"" 'while :; do sleep 0.1; done'
	done
}

# program NAME LINE...: make the shell script $BIN_KUBERNETES/NAME.
program() {
	{ echo '#!/bin/bash'; echo 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'; printf '%s\n' "${@:2}"; } > "$BIN_KUBERNETES/$1"
	chmod +x "$BIN_KUBERNETES/$1"
}

# stage COMMAND...: a stage's script that runs COMMAND.
stage() {
	exec env SECRET=from-outside TOP="$TOP" BIN="$BIN" bash -eu -o pipefail -c '. "$TOP/mk/sh/stage/lib.sh"; . "$TOP/mk/sh/cluster/kube.sh"
		. "$TOP/mk/sh/stage/host-plane.sh"; '"$1"
}

# ended NAME: has this program ended? (The process 1 of a container may not collect it at once.)
ended() { ! grep -qs '^State:.[^Z]' "/proc/$(cat "$OUT/$1.pid")/status"; }

@test "the static pods' programs run with the node's address only, and with other directories" {
	local name
	(stage 'plane_start 192.0.2.7 pods; sleep 1; plane_stop') 3>&-
	for name in etcd kube-apiserver kube-controller-manager; do
		[ "$(cat "$OUT/$name.arguments")" = "--a=$D/kubernetes/pki/x,$D/kubernetes/y
--b=$OUT/etcd
two words" ]
		run ! grep SECRET "$OUT/$name.environment"
		run -0 awk '{ print $2, $4 }' "$OUT/$name.addresses"
		[[ $output == *"lo 192.0.2.7/32"* ]]
		run ! grep -v ' lo ' "$OUT/$name.addresses"
	done
	[ "$(stat -c %a "$OUT/etcd")" = 700 ]
	# etcd ends last.
	[ "$(paste -sd ' ' "$OUT/ended")" = "kube-controller-manager kube-apiserver etcd" ]
}

@test "an apiserver that does not become ready: the end of its log, and nothing is left running" {
	program kubectl 'case "$*" in' "patch*-f*) while [ \"\$1\" != -f ]; do shift; done; cat \"\$2\" ;;" "*) echo refused >&2; exit 1 ;;" esac
	program kube-apiserver 'echo "no certificate" >&2' "exit 1"
	run -1 stage 'kube_wait() { sleep 1; shift 2; "$@"; }; plane_start 192.0.2.7 pods'
	[[ $output == *"no certificate"* ]]
	wait_for 10 ended etcd
}

@test "a stage that is killed leaves nothing running" {
	local pid
	stage 'plane_start 192.0.2.7 pods; touch "$OUT/started"; sleep 60; :' > log 2>&1 3>&- &
	pid=$!
	wait_for 20 [ -e "$OUT/started" ]
	kill -KILL "$pid"
	wait "$pid" || true
	wait_for 10 ended etcd
	wait_for 10 ended kube-apiserver
}
