# The whole way with the smallest provider, tests/providers/mini: every stage, two nodes, up and down, and what
# happens when something breaks. It works on a copy of the checkout, so that files can be edited; its build
# directory stays ($B/flow), since stages are found again by their keys.
load lib/common

setup_file() {
	export COPY=$BATS_FILE_TMPDIR/kubestamp FLOW_B=${B:-$TOP/build}/flow
	export ME=flow$$
	mkdir -p "$COPY" "$FLOW_B"
	tar -C "$TOP" -c GNUmakefile mk tools providers manifests tests/providers | tar -C "$COPY" -x
}

teardown_file() {
	mk cluster-down CLUSTER="$ME-a" > /dev/null 2>&1 || true
	mk cluster-down CLUSTER="$ME-b" > /dev/null 2>&1 || true
}

# make as a user calls it: not as a child of the make that runs the tests.
mk() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CLUSTER -u NODES make --no-print-directory -C "$COPY" PROVIDER=mini B="$FLOW_B" SAN= "$@" 3>&-; }

containers() {
	# shellcheck source=/dev/null
	. "$FLOW_B/engine-auto.conf"
	"${engine[@]}" ps -a --format '{{.Names}}' | sort
}

@test "provision: every stage, then nothing to do" {
	mk provision
	run -0 mk -q provision
	run -0 mk provision
	[ "$output" = "make: Nothing to be done for 'provision'." ]
}

@test "provision: a touched file and an edited comment run nothing, going back is a hit" {
	find "$COPY/providers" "$COPY/tools" -type f -exec touch {} +
	echo "; a comment" >> "$COPY/tests/providers/mini/provider.ini"
	run -0 mk tools
	run -0 mk -q provision
	echo "echo more >> /var/lib/mini/witness" >> "$COPY/tests/providers/mini/node/setup"
	run mk -q provision
	[ "$status" -ne 0 ]
	run -0 mk why STAGE=node
	[[ $output == *"node/setup changed"* ]]
	run -0 mk why STAGE=disk
	[[ $output == *"up to date"* ]]
	sed -i '$d' "$COPY/tests/providers/mini/node/setup"
	run -0 mk -q provision
}

@test "make -q provision takes no time to speak of" {
	local before=$EPOCHREALTIME after
	mk -q provision
	after=$EPOCHREALTIME
	echo "# $(((${after/./} - ${before/./}) / 1000)) ms" >&3
	# The goal is 0.25 s; ten times that is no matter of a busy machine any more.
	[ $(((${after/./} - ${before/./}) / 1000)) -lt 2500 ]
}

@test "a broken provider.ini: exit 2, and the file, the line, the key" {
	mkdir -p "$COPY/tests/providers/broken"
	printf '[provider]\ninherit = base\n[node]\nmemori = 1G\n' > "$COPY/tests/providers/broken/provider.ini"
	run -2 mk provision PROVIDER=broken
	[[ $output == *"tests/providers/broken/provider.ini:4"*memori* ]]
}

@test "a stage that fails names itself, its log and the log's last lines, and nothing stays running" {
	mkdir -p "$COPY/tests/providers/fails/node"
	sed 's/description.*/description = fails/' "$COPY/tests/providers/mini/provider.ini" > "$COPY/tests/providers/fails/provider.ini"
	echo 'echo "the reason is here" >&2; exit 1' > "$COPY/tests/providers/fails/node/setup"
	# The stages before it are the same as mini's, but in a directory of their own: lend them.
	mkdir -p "$FLOW_B/fails"
	cp -al "$FLOW_B"/mini/{runner,rootfs,disk}.* "$FLOW_B/fails/" 2> /dev/null || true
	run mk provision PROVIDER=fails
	[ "$status" -ne 0 ]
	[[ $output == *"the stage node of fails failed"* ]]
	[[ $output == *"the reason is here"* ]]
	[[ $output == *"fails/node."*"/log"* ]]
	run -0 containers
	[[ $output != *provision-fails* ]]
}

@test "check-provider: the last stage, a cluster with the network cut off" {
	run -0 mk check-provider
	[[ $output == *"check done"* ]]
	run -0 containers
	[[ $output != *check-mini* ]]
}

@test "force: the stage and what follows it run again, nothing before it" {
	run -0 mk force STAGE=seal
	[[ $output == *"seal done"*"image done"* ]]
	[[ $output != *"disk done"* ]]
}

@test "two nodes come up, know each other, and have a registry" {
	mk cluster-up NODES=2 CLUSTER="$ME-a"
	run -0 mk ssh CLUSTER="$ME-a" NODE=node02 CMD='cat /var/lib/mini/witness; ping -c 1 node01 > /dev/null && echo reached'
	[ "$output" = "provisioned"$'\n'"reached" ]
	run -0 mk ports CLUSTER="$ME-a"
	[[ $output == *"ssh-node02"* ]]
	eval "$(mk env CLUSTER="$ME-a")"
	run -0 curl -fsS "http://$REGISTRY/v2/_catalog"
	run -0 mk ssh CLUSTER="$ME-a" CMD='busybox wget -qO- http://registry:5000/v2/_catalog'
	[[ $output == *repositories* ]]
}

@test "ssh: exit code, stdout and stderr are the command's own" {
	run -7 --separate-stderr mk -s ssh CLUSTER="$ME-a" CMD='echo out; echo err >&2; exit 7'
	[ "$output" = out ]
	[[ $stderr == err* ]]
}

@test "two clusters at once; list shows both; a cluster that is there is not started again" {
	mk cluster-up CLUSTER="$ME-b" MEMORY=700M CPUS=2 DISK=6G NICS=1 PUBLISH=80
	run -0 mk list
	[[ $output == *"$ME-a"*"$ME-b"* ]]
	run mk cluster-up CLUSTER="$ME-b"
	[ "$status" -ne 0 ]
	[[ $output == *"there already"* ]]
	# MEMORY, CPUS, DISK, NICS and PUBLISH are as they were asked for.
	run -0 mk ssh CLUSTER="$ME-b" CMD="free -m | awk 'NR == 2 { print int(\$2 / 100) }'; nproc; df -m / | awk 'NR == 2 { print int(\$2 / 1000) }'; ls /sys/class/net"
	[ "$output" = $'6\n2\n5\neth0\neth1\nlo' ]
	run -0 mk ports CLUSTER="$ME-b"
	[[ $output == *"node01:80 "* ]]
	mk cluster-down CLUSTER="$ME-b"
}

@test "stop and start keep a node's disk; down and up do not" {
	mk ssh CLUSTER="$ME-a" CMD='echo kept > /root/mark; sync'
	mk stop CLUSTER="$ME-a"
	mk start CLUSTER="$ME-a"
	run -0 mk ssh CLUSTER="$ME-a" CMD='cat /root/mark'
	[ "$output" = kept ]
}

@test "nothing of a cluster is privileged" {
	. "$FLOW_B/engine-auto.conf"
	run -0 "${engine[@]}" inspect --format '{{.HostConfig.Privileged}} {{.EffectiveCaps}}' "$ME-a-node01" "$ME-a-registry"
	[ "$output" = "false []"$'\n'"false []" ]
}

@test "cluster-down leaves nothing" {
	mk cluster-down CLUSTER="$ME-a"
	run -0 containers
	[[ $output != *"$ME"* ]]
	[ -z "$(find "$FLOW_B/clusters" -name "$ME*" 2> /dev/null)" ]
	run ! pgrep -f "vmstart.*$ME"
	mk cluster-down CLUSTER="$ME-a"
}

@test "docker does all this too" {
	docker info > /dev/null 2>&1 || skip "no docker daemon answers"
	mk cluster-up CLUSTER="$ME-a" ENGINE=docker
	run -0 mk list
	[[ $output == *"$ME-a"*running*docker* ]]
	mk ssh CLUSTER="$ME-a" CMD='echo kept > /root/mark; sync'
	run -0 mk ssh CLUSTER="$ME-a" CMD='busybox wget -qO- http://registry:5000/v2/_catalog'
	[[ $output == *repositories* ]]
	mk stop CLUSTER="$ME-a"
	mk start CLUSTER="$ME-a"
	run -0 mk ssh CLUSTER="$ME-a" CMD='cat /root/mark'
	[ "$output" = kept ]
	mk cluster-down CLUSTER="$ME-a"
	run -0 docker ps -a --format '{{.Names}}'
	[[ $output != *"$ME-a"* ]]
}

@test "a port that is taken: an error that names it, and nothing stays" {
	local port
	port=$(free_port)
	socat "TCP-LISTEN:$port,bind=127.0.0.1,fork" /dev/null 3>&- &
	keep_pid $!
	wait_for 5 bash -c "ss -Hltn 'sport = :$port' | grep -q ."
	run mk cluster-up CLUSTER="$ME-a" SSH_PORT="$port"
	end_kept
	[ "$status" -ne 0 ]
	[[ $output == *"$port"* ]]
	run -0 containers
	[[ $output != *"$ME-a"* ]]
}

@test "a node that never boots: the step, its console's last lines, exit 124, and nothing stays" {
	run -2 mk cluster-up CLUSTER="$ME-a" MEMORY=48M ACCEL=tcg BOOT_TIMEOUT=20
	# make turns every failure into 2; the recipe's own code is in its message.
	[[ $output == *"did not start: boot (exit 124)"* ]]
	[[ $output == *"console of node01"* ]]
	run -0 containers
	[[ $output != *"$ME-a"* ]]
}

# in_group COMMAND...: as a terminal's foreground job, so that Ctrl-C (kill -INT -- -PID) reaches all of it. A shell's
# background jobs ignore SIGINT, and nothing that they start could ever catch it.
in_group() { exec perl -e '$SIG{INT} = "DEFAULT"; setpgrp; exec @ARGV or die' "$@"; }
mk_in_group() {
	in_group env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CLUSTER -u NODES make -C "$COPY" PROVIDER=mini B="$FLOW_B" SAN= "$@"
}

@test "Ctrl-C during cluster-up leaves nothing" {
	mk_in_group cluster-up CLUSTER="$ME-a" > "$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local pid=$!
	wait_for 120 grep -q ' boot$' "$BATS_TEST_TMPDIR/out"
	kill -INT -- "-$pid"
	! wait "$pid" || false
	run -0 containers
	[[ $output != *"$ME-a"* ]]
	run ! pgrep -f "vmstart.*$ME"
}

@test "Ctrl-C while a machine is made: none stays, the stages before it are kept" {
	rm -f "$FLOW_B"/mini/{boot,node,ready,seal,image}.*/stamp
	mk_in_group provision > "$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local pid=$!
	wait_for 120 bash -c "cat '$FLOW_B'/mini/boot.*/log | grep -q 'starting the machine'"
	wait_for 60 test -e "$FLOW_B/mini/live/node01/console.log"
	kill -INT -- "-$pid"
	! wait "$pid" || false
	run -0 containers
	[[ $output != *provision-mini* ]]
	[ ! -e "$FLOW_B/mini/live" ]
	run -0 mk provision
	[[ $output == *"boot done"*"image done"* ]]
	[[ $output != *"disk done"* ]]
}

@test "kill -9 in the middle of a stage: the next run begins that stage anew, and only that" {
	local stage=$FLOW_B/mini/image
	rm -rf "$stage".*
	mk_in_group provision > "$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local pid=$!
	wait_for 120 bash -c "cat '$stage'.*/log | grep -q collecting"
	kill -9 -- "-$pid"
	! wait "$pid" || false
	[ -z "$(find "$FLOW_B/mini" -path '*/image.*/stamp')" ]
	run -0 mk provision
	[[ $output == *"image done"* ]]
	[ "$(grep -c ' done in ' <<< "$output")" = 1 ]
}

@test "a mirror that is down: the stage, the mirror's name, nothing lost" {
	local port
	port=$(free_port)
	run ! mk provision PROVIDER=mini B="$BATS_TEST_TMPDIR/b" MIRROR="http://127.0.0.1:$port/debian"
	[[ $output == *"the stage runner of mini failed"* ]]
	[[ $output == *"127.0.0.1:$port"* ]]
	[ -z "$(find "$BATS_TEST_TMPDIR/b" -name stamp)" ]
}

@test "a disk that is full: the stage says so, and leaves no stamp" {
	[ "$(id -u)" = 0 ] || skip "only root can mount a small file system"
	local small=$BATS_TEST_TMPDIR/small
	mkdir "$small"
	# A mount that dies with the command.
	run ! unshare -m bash -c "mount -t tmpfs -o size=160m none '$small' &&
		env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C '$COPY' PROVIDER=mini B='$small' SAN= provision; rc=\$?
		find '$small' -name stamp -printf 'a stamp: %p\\n'; exit \$rc"
	[[ $output == *"the stage runner of mini failed"* ]]
	[[ $output == *"No space left on device"* ]]
	[[ $output != *"a stamp: "* ]]
}
