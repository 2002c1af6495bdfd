# Saved state: mk/sh/cluster/state.sh, vmstate --usable, and stagekey --incremental for the stages.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	# shellcheck disable=SC2034
	B=$PWD/build ENGINE=none
	. "$TOP/mk/sh/cluster/cluster.sh"
	. "$TOP/mk/sh/cluster/state.sh"
}

teardown() { end_kept; }

# state NAME SAVED EXPIRES: create a saved state that is only a conf; times are in seconds from now; EXPIRES may be empty.
state() {
	mkdir -p "$1"
	printf 'saved_at=%s\nexpires_at=%s\n' $(($(date +%s) + $2)) "${3:+$(($(date +%s) + $3))}" > "$1/conf"
}

@test "saved state is usable a day later, until its certificates expire, and not before it was saved" {
	run -3 --separate-stderr vmstate --usable none
	[ "$output" = "no saved state found" ]
	[ -z "$stderr" ]
	state new 0 31536000
	run -0 vmstate --usable new
	state day -86400 31449600
	run -0 vmstate --usable day
	# Without certificates it never expires.
	state old -34560000 ''
	run -0 vmstate --usable old
	state ended -34560000 -3024000
	run -3 vmstate --usable ended
	[[ $output = "its certificates expired at "*" (it was saved at "*")" ]]
	state future 86400 31536000
	run -3 vmstate --usable future
	[[ $output = "this machine's clock ("*") is before the time at which it was saved ("*")" ]]
}

@test "saved state expires with the first of its certificates" {
	mkdir -p pki/etcd
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=a -days 30 -out pki/a.crt 2> /dev/null
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=b -days 10 -out pki/etcd/b.crt 2> /dev/null
	run -0 vmstate --expires pki
	[ $(((output - $(date +%s)) / 86400)) -ge 9 ]
	[ $(((output - $(date +%s)) / 86400)) -le 10 ]
	mkdir none
	run -0 vmstate --expires none
	[ -z "$output" ]
}

@test "the key of saved state: every option changes it, unless it has its default value" {
	local IMAGE_ID=a NODES=1 MEMORY='' CPUS='' DISK='' NICS='' ACCEL=tcg node_memory=4096M node_cpus=2 node_disk=20G key v
	key=$(state_key)
	[ "$(MEMORY=4096M CPUS=2 DISK=20G NICS=0 state_key)" = "$key" ]
	for v in IMAGE_ID=b NODES=2 MEMORY=8G CPUS=4 DISK=30G NICS=1 ACCEL=kvm; do
		[ "$(eval "$v" && state_key)" != "$key" ] || { echo "$v" && false; }
	done
}

@test "pruning keeps the most recently used saved states, and those in use" {
	local s
	state_in_use() { [ "$1" = states/4 ]; }
	for s in 1 2 3 4 5; do
		state "states/$s" 0 ''
		touch -d "-$s hours" "states/$s/conf"
	done
	state_prune states 2
	[ "$(cd states && echo *)" = "1 2 4" ]
}

@test "pruning an empty directory removes nothing, not even in the working directory" {
	state_in_use() { false; }
	mkdir -p states mine/{1,2,3,4,5,6,7,8,9}
	shopt -s nullglob
	(cd mine && state_prune "$PWD/../states" 2 && state_prune "$PWD/../none" 2)
	[ "$(ls mine | wc -l)" = 9 ]
}

@test "a saved registry is not changed by a later push" {
	mkdir -p registry/docker/tags
	echo one > registry/docker/tags/link
	state_registry registry saved
	echo two > registry/docker/tags/link
	[ "$(< saved/docker/tags/link)" = one ]
	mkdir empty
	state_registry empty none
	[ ! -e none ]
}

@test "a failed save leaves no unfinished saved state, and keeps the earlier one" {
	# shellcheck disable=SC2034
	NODES=1 ACCEL=tcg D=$PWD/cluster BIN=$PWD/bin
	mkdir -p cluster/node01 bin saves
	state saves/x 0 ''
	state_free() { :; }
	printf '#!/bin/sh -e\nfor dir; do :; done\nmkdir "$dir"; echo half > "$dir/ram"; echo "vmsave: no space left" >&2; exit 1\n' > bin/vmsave
	chmod +x bin/vmsave
	run -1 state_save "$PWD/saves/x"
	[[ $output = *"no space left"* ]]
	[ "$(ls -A saves)" = x ]
	[ -s saves/x/conf ]
}

@test "a save records when it was made and when its certificates expire" {
	NODES=1 ACCEL=tcg D=$PWD/cluster PROVIDER='a b'
	mkdir -p cluster/node01 cluster/kubernetes/pki bin saves
	ln -s "$BIN/vmstate" bin/
	BIN=$PWD/bin
	state_free() { :; }
	printf '#!/bin/sh\nfor dir; do :; done\nmkdir "$dir"\n' > bin/vmsave
	chmod +x bin/vmsave
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=a -days 30 \
		-out cluster/kubernetes/pki/ca.crt 2> /dev/null
	echo secret > cluster/ssh_key
	run -0 state_save "$PWD/saves/x"
	[ "$(cd saves/x && echo *)" = "cluster conf node01" ]
	[ "$(ls saves/x/cluster)" = kubernetes ]
	run -0 "$BIN/vmstate" --usable saves/x
	# shellcheck source=/dev/null
	[ "$(. saves/x/conf && echo "$PROVIDER $(((expires_at - saved_at + 3600) / 86400))")" = "a b 30" ]
	# A file that is not a certificate is an error: the date at which it expires is unknown.
	echo nonsense > cluster/kubernetes/pki/x.crt
	run -1 state_save "$PWD/saves/y"
	[ "$(ls -A saves)" = x ]
}

@test "how long a resumed machine was not running" {
	D=$PWD/cluster
	mkdir -p cluster/node01
	touch -d @1000000000 cluster/node01/vm.json
	run -0 state_stood_still
	[ "$output" = 0 ]
	mkdir saved
	echo "$PWD/saved" > cluster/state
	run -0 state_stood_still
	[ "$output" = 0 ]
	printf 'NODES=1\nsaved_at=999999000\n' > saved/conf
	run -0 state_stood_still
	[ "$output" = 1000 ]
}

# saved_cluster NAME IMAGE SECONDS: create a saved cluster.
saved_cluster() {
	mkdir -p "$KS_CACHE/saves/$1"
	printf '%s\n' PROVIDER=mini "IMAGE=$2" NODES=2 ACCEL=tcg "saved_at=$3" > "$KS_CACHE/saves/$1/conf"
}

@test "the saved clusters are listed; one that cannot be read does not hide the others" {
	export KS_CACHE=$PWD/cache CLUSTER=c B BIN TOP TZ=UTC
	run -0 "$TOP/mk/sh/cluster/cluster-state" saves
	[ "$output" = "no saved clusters" ]
	saved_cluster one localhost/a 1000000000
	saved_cluster two localhost/b 1000003600
	mkdir "$KS_CACHE/saves/broken" "$KS_CACHE/saves/unfinished"
	echo 'touch ran' > "$KS_CACHE/saves/broken/conf"
	run -0 --separate-stderr "$TOP/mk/sh/cluster/cluster-state" saves
	[ "${#lines[@]}" = 3 ]
	[ "${lines[0]}" = "NAME                 PROVIDER     NODES ACCEL  SAVED                 SIZE" ]
	[[ ${lines[1]} == "one                  mini             2   tcg  2001-09-09 01:46:40  "*K ]]
	[[ ${lines[2]} == "two                  mini             2   tcg  2001-09-09 02:46:40  "*K ]]
	[[ $stderr == *"broken/conf:1: not a setting"* ]]
	[ ! -e ran ]
}

@test "deleting a saved cluster removes its image, unless another saved cluster needs it" {
	export KS_CACHE=$PWD/cache CLUSTER=c ENGINE=podman B BIN TOP PATH=$PWD/fake:$PATH
	mkdir -p fake build
	printf '%s\n' ENGINE=podman 'engine=(podman)' > build/engine-podman.conf
	printf '#!/bin/sh\necho "$*" >> %q\n' "$PWD/asked" > fake/podman
	chmod +x fake/podman
	# In the form of this version, and of an earlier one.
	saved_cluster one "'localhost/a b'" 1000000000
	saved_cluster two 'localhost/a\ b' 1000000000
	NAME=one run -0 "$TOP/mk/sh/cluster/cluster-state" delete
	run ! grep rmi asked
	NAME=two run -0 "$TOP/mk/sh/cluster/cluster-state" delete
	grep -qx '.*rmi localhost/a b' asked
	[ -z "$(ls cache/saves)" ]
	NAME=two run -1 "$TOP/mk/sh/cluster/cluster-state" delete
	[[ $output == "error: there is no saved cluster two; "* ]]
}

@test "an earlier port is taken at the last moment: the network is created again with free ports" {
	local ssh registry
	D=$PWD/cluster CLUSTER=c NODES=1 NICS=0 IMAGE=x ssh=$(free_port) registry=$(free_port)
	mkdir -p cluster
	cl_run() { echo "run $*" >> calls; [[ $* != *:$registry:* ]]; }
	cl_remove_containers() { echo "remove $*" >> calls; }
	printf '2201 %s\n5000 %s\n' "$ssh" "$registry" > cluster/ports
	cl_network
	[[ $(sed -n 1p calls) == "run dnsmasq "*" --publish=127.0.0.1:$ssh:2201 --publish=127.0.0.1:$registry:5000 "* ]]
	[ "$(sed -n 2p calls)" = "remove dnsmasq" ]
	[[ $(sed -n 3p calls) == "run dnsmasq "*" --publish=127.0.0.1::2201 --publish=127.0.0.1::5000 "* ]]
	[ "$(wc -l < calls)" = 3 ]
	# Without such a port there is no second attempt.
	rm calls
	cl_run() { echo run >> calls; false; }
	run ! cl_network
	[ "$(cat calls)" = run ]
}

@test "a resumed cluster gets the new address of its registry if it has changed" {
	ACCEL=tcg D=$PWD/cluster NODES=1
	. "$TOP/mk/sh/cluster/kube.sh"
	mkdir -p cluster
	echo '    server: https://127.0.0.1:40002' > cluster/kubeconfig
	printf '5000 40001\n6443 40002\n' > cluster/ports
	local conditions='{"type":"DiskPressure","status":"True"},{"type":"Ready","status":"True"}'
	curl() { printf '%s\n' "$*" > called; echo '{"kind":"NodeList","items":[{"status":{"conditions":['"$conditions"']}}]}'; }
	state_ready
	[[ $(< called) == *"/api/v1/nodes --next "*"127.0.0.1:40001"*"/local-registry-hosting?"* ]]
	[ "$(cat cluster/hosted_at)" = 40001 ]
	state_ready
	[[ $(< called) == *"/api/v1/nodes" ]]
	NODES=2 run -1 state_ready
	[ "$output" = "not all nodes are Ready" ]
	conditions='{"type":"Ready","status":"False"},{"type":"DiskPressure","status":"True"}'
	run -1 state_ready
	[ "$output" = "not all nodes are Ready" ]
	printf '5000 40003\n6443 40002\n' > cluster/ports
	curl() { return 22; }
	run ! state_ready
	[ "$(cat cluster/hosted_at)" = 40001 ]
}

@test "the key of saved state: add-ons change it" {
	export IMAGE_ID=x NODES=1 MEMORY='' CPUS='' DISK='' NICS=0 ACCEL=tcg node_memory=1G node_cpus=1 node_disk=1G
	local plain with
	plain=$(WITH='' state_key)
	with=$(WITH='multus metrics-server' state_key)
	[ "$plain" = "$(unset WITH; state_key)" ]
	[ "$plain" != "$with" ]
	[ "$with" != "$(WITH=multus state_key)" ]
}

# inputs ADD-ONS [NAME DIGEST]...: print the inputs of the stage manifests.
inputs() {
	printf '%s\n' "stage manifests" "conf manifests.apply=$1" "conf stage manifests.incremental_files=manifests.apply:/manifests/%.yaml"
	shift
	printf 'file manifests/%s.yaml %s\n' "$@"
	echo "need cluster ${parent:-cc}"
}

@test "a list of files continues from an earlier run with the same files, order and parent" {
	P=$PWD/p
	export P
	mkdir -p p/inputs p/manifests.1111111111111111/checkpoint p/ready.2222222222222222/checkpoint
	touch p/manifests.1111111111111111/{stamp,checkpoint/conf} p/ready.2222222222222222/checkpoint/conf
	inputs 'dns storage' dns aa storage bb > p/manifests.1111111111111111/inputs
	printf 'need manifests 1111111111111111%048d\n' 0 > p/ready.2222222222222222/inputs
	inputs 'dns storage extra' dns aa storage bb extra dd > p/inputs/manifests.3
	run -0 stagekey --incremental "$P" manifests 3
	[ "$output" = "$P/ready.2222222222222222/checkpoint dns storage" ]
	rm p/ready.2222222222222222/checkpoint/conf
	run -0 stagekey --incremental "$P" manifests 3
	[ "$output" = "$P/manifests.1111111111111111/checkpoint dns storage" ]
	# Not with a changed file, another order, nothing new, or another parent.
	inputs 'dns storage extra' dns ax storage bb extra dd > p/inputs/manifests.4
	inputs 'storage dns extra' dns aa storage bb extra dd > p/inputs/manifests.5
	inputs 'dns storage' dns aa storage bb > p/inputs/manifests.6
	parent=ce inputs 'dns storage extra' dns aa storage bb extra dd > p/inputs/manifests.7
	inputs 'dns storagex extra' dns aa storagex bb extra dd > p/inputs/manifests.8
	for k in 4 5 6 7 8; do
		run -0 stagekey --incremental "$P" manifests "$k"
		[ -z "$output" ] || { echo "$k: $output" && false; }
	done
	# All files in the directory of an add-on count.
	dir_inputs() { inputs "$@" | sed 's,:/manifests/%.yaml,:manifests/%{.yaml\,/*},; s,/b.yaml,/b/addon.ini,; s,/b2.yaml,/b/c.yaml,'; }
	rm -r p/manifests.1111111111111111
	mkdir -p p/manifests.3333333333333333/checkpoint
	touch p/manifests.3333333333333333/{stamp,checkpoint/conf}
	dir_inputs 'a b' a aa b bb b2 cc > p/manifests.3333333333333333/inputs
	dir_inputs 'a b d' a aa b bb b2 cc d dd > p/inputs/manifests.a
	run -0 stagekey --incremental "$P" manifests a
	[ "$output" = "$P/manifests.3333333333333333/checkpoint a b" ]
	dir_inputs 'a b d' a aa b bb b2 cx d dd > p/inputs/manifests.b
	run -0 stagekey --incremental "$P" manifests b
	[ -z "$output" ]
	# A stage without a list.
	echo 'stage node' > p/inputs/node.9
	run -0 stagekey --incremental "$P" node 9
	[ -z "$output" ]
}

@test "a login that fails at first is tried again, until a deadline" {
	D=$PWD/cluster PATH=$PWD/fake:$PATH
	mkdir -p cluster fake
	echo 'port_2201=22' > cluster/ports
	printf '#!/bin/bash\necho x >> tried\n[ "$(wc -l < tried)" -gt 2 ] || { echo "Connection reset" >&2; exit 255; }\n' > fake/ssh
	chmod +x fake/ssh
	cl_scale() { echo 20; }
	run -0 state_login 1
	[ -z "$output" ]
	[ "$(wc -l < tried)" = 3 ]
	# One that is never answered.
	printf '#!/bin/bash\necho first >&2\necho "no answer" >&2\nexec sleep 60\n' > fake/ssh
	cl_scale() { echo 1; }
	run -124 state_login 1
	[ "$output" = "node01 does not accept a login: no answer" ]
}
