# vmstart: real QEMU machines under TCG; the guests consist of a boot sector.
load lib/common
load lib/vm

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() { vm_end; }

start() { "$BIN/vmstart" --name vm --run run -m 32 "$@" 3>&-; }

qmp() {
	printf '%s\n' '{"execute":"qmp_capabilities"}' "{\"execute\":\"$1\"}" |
		timeout 5 socat -t 2 - "UNIX-CONNECT:${2:-run/qmp.sock}"
}

# background COMMAND...: sets PID. Bash starts it with SIGINT ignored, which vmstart undoes.
background() {
	"$@" 3>&- 2> err &
	PID=$!
	keep_pid "$PID"
}

# ended CODE: waits for the background command to exit with CODE.
ended() {
	local code=0
	wait "$PID" || code=$?
	[ "$code" = "$1" ]
}

# A process whose parent has ended is reaped by another one, so it may be a zombie for a moment. It has ended
# when its last thread has.
is_gone() { [ ! -e "/proc/$1" ] || grep -Pzq '\nState:\tZ(.*\n)*Threads:\t1\n' "/proc/$1/status"; }

# True when the foreground VM answers on QMP.
is_up() { echo | timeout 1 socat - UNIX-CONNECT:run/qmp.sock | grep -q QMP; }

@test "vmstart returns when the VM is running, and leaves it running" {
	run start
	[ "$status" = 0 ]
	[ -z "$output" ]
	kill -0 "$(< run/pid)"
	[[ $(qmp query-status) = *'"status": "running"'* ]]
	[ -S run/agent.sock ]
	[ -S run/console.sock ]
	[ -e run/console.log ]
	[ -e run/qemu.log ]
	[ "$(stat -c %a run)" = 700 ]
	[ "$(jq -r '.name, .memory, .cpus' run/vm.json | paste -sd' ')" = "vm $((32 << 20)) 1" ]
	# It is a session leader.
	[ "$(ps -o sid= -p "$(< run/pid)" | tr -d ' ')" = "$(< run/pid)" ]
}

@test "QEMU inherits no descriptor from vmstart, not even make's jobserver" {
	local left
	mkfifo jobserver
	exec 7> marker 8<> jobserver
	start
	exec 7>&- 8<&-
	left=$(readlink /proc/"$(< run/pid)"/fd/* | grep -v -e '^socket:' -e '^anon_inode:' | sort -u)
	[ "$left" = "$(printf '%s\n' /dev/null "$PWD"/run/{console.log,pid,qemu.log} | sort)" ]
}

@test "vmstart uses TCG if the processor has no hardware virtualization" {
	! grep -qwE 'vmx|svm' /proc/cpuinfo || skip "this processor has hardware virtualization"
	run start -v
	[ "$status" = 0 ]
	[[ $output = "vmstart: vm: KVM is not usable here: using TCG"* ]]
	[[ $(tr '\0' ' ' < /proc/"$(< run/pid)"/cmdline) = *' -accel tcg,'*' -cpu qemu64 '* ]]
	run "$BIN/vmstart" -n vm --run x --accel kvm --print
	[[ $output = *'-accel kvm'*'-cpu host,migratable=on'* ]]
	run start --accel xen
	[ "$status" = 2 ]
}

@test "vmstart refuses a runtime directory where a VM is running already" {
	start
	local pid
	pid=$(< run/pid)
	run start
	[ "$status" = 1 ]
	[ "$output" = "vmstart: vm: run: a VM is already running there" ]
	kill -0 "$pid"
	[[ $(qmp query-status) = *running* ]]
}

@test "vmstart removes the files of a killed VM, and starts again" {
	start
	local pid
	pid=$(< run/pid)
	kill -KILL "$pid"
	wait_for 5 is_gone "$pid"
	[ -S run/qmp.sock ]
	[ -e run/pid ]
	start
	[ "$(< run/pid)" != "$pid" ]
	kill -0 "$(< run/pid)"
}

@test "vmstart creates the disk as an overlay on the backing file" {
	mkdir images
	qemu-img create -q -f qcow2 images/base.qcow2 64M
	polite_disk raw.img
	start -d disk.qcow2 -b images/base.qcow2
	qemu-img info -U --output=json disk.qcow2 > facts
	grep -qF "\"full-backing-filename\": \"$PWD/images/base.qcow2\"" facts
	grep -qF '"backing-filename-format": "qcow2"' facts
	grep -qF '"virtual-size": 67108864' facts
	"$BIN/vmstop" --now run
	# A raw backing file and a larger disk.
	start -d disk.qcow2 -b raw.img --disk-size 128M
	qemu-img info -U --output=json disk.qcow2 > facts
	grep -qF '"backing-filename-format": "raw"' facts
	grep -qF '"virtual-size": 134217728' facts
	wait_for 20 grep -q B run/console.log
	[[ $(qmp query-named-block-nodes) = *'"node-name": "root"'* ]]
}

@test "vmstart --keep-disk uses an existing disk" {
	qemu-img create -q -f qcow2 base.qcow2 64M
	start -d disk.qcow2 -b base.qcow2 --keep-disk
	"$BIN/vmstop" --now run
	qemu-io -c 'write -P 7 0 4k' disk.qcow2 > /dev/null
	start -d disk.qcow2 -b base.qcow2 --keep-disk
	"$BIN/vmstop" --now run
	qemu-io -c 'read -P 7 0 4k' disk.qcow2 | grep -q 'read 4096/4096'
	start -d disk.qcow2 -b base.qcow2
	"$BIN/vmstop" --now run
	qemu-io -c 'read -P 0 0 4k' disk.qcow2 | grep -q 'read 4096/4096'
}

@test "vmstart reports why the disk cannot be created or opened, and leaves nothing behind" {
	qemu-img create -q -f qcow2 base.qcow2 64M
	run start -d disk.qcow2 -b missing.qcow2
	[ "$status" = 1 ]
	[ "$output" = "vmstart: vm: disk.qcow2: missing.qcow2: No such file or directory" ]
	run start -d disk.qcow2 -b base.qcow2 --disk-size 32M
	[ "$status" = 1 ]
	[[ $output = *"disk.qcow2: size 33554432 is less than the size of base.qcow2, 67108864" ]]
	run start -d missing.qcow2
	[ "$status" = 1 ]
	[[ $output = "vmstart: vm: qemu-img: Could not open"*"missing.qcow2"* ]]
	[ "$(ls)" = base.qcow2 ]
}

@test "vmstart reports QEMU's own messages, and leaves nothing behind" {
	qemu-img create -q -f qcow2 base.qcow2 64M
	run start -d disk.qcow2 -b base.qcow2 -k no-kernel
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output = "vmstart: vm: qemu: "*"no-kernel"* ]]
	run start --extra-disk base.qcow2,format=raw -- -device no-such-device
	[ "$status" = 1 ]
	[[ $output = "vmstart: vm: qemu: "*"no-such-device"* ]]
	run start --qemu ./no-qemu
	[ "$status" = 1 ]
	[ "$output" = "vmstart: vm: ./no-qemu: No such file or directory" ]
	[ "$(ls)" = base.qcow2 ]
	run start --run no/such/dir
	[ "$status" = 1 ]
}

@test "vmstart exits with 124 at the deadline, and ends QEMU" {
	printf '#!/bin/sh\necho $$ > fake.pid\nsleep 60 &\necho $! >> fake.pid\nwait\n' > fake
	chmod +x fake
	run start --qemu ./fake --timeout 1
	[ "$status" = 124 ]
	[[ $output = "vmstart: vm: not running after 1 s: "* ]]
	[ ! -e run ]
	local pid
	while read -r pid; do
		wait_for 5 is_gone "$pid"
	done < fake.pid
}

@test "vmstart stops waiting for a QMP answer at the deadline" {
	# Accepts the connection and sends nothing, like a QMP socket that serves another client.
	cat > fake <<- 'EOF'
		#!/usr/bin/perl
		use IO::Socket::UNIX;
		my ($path) = "@ARGV" =~ /id=qmp,path=([^,]*)/;
		my $s = IO::Socket::UNIX->new(Local => $path, Listen => 1);
		my $c = $s->accept;
		sleep 60;
	EOF
	chmod +x fake
	run start --qemu ./fake --timeout 1
	[ "$status" = 124 ]
	[[ $output = *"timed out waiting for an answer" ]]
	[ ! -e run ]
}

@test "vmstart reports how QEMU ended, and its messages without warnings" {
	printf '#!/bin/sh\necho "fake: warning: not this" >&2\necho "fake: this one" >&2\nexit 3\n' > fake
	chmod +x fake
	run start --qemu ./fake
	[ "$status" = 1 ]
	[ "$output" = "vmstart: vm: qemu: this one" ]
	printf '#!/bin/sh\nexit 3\n' > fake
	run start --qemu ./fake
	[ "$status" = 1 ]
	[ "$output" = "vmstart: vm: qemu: ended with exit code 3" ]
	printf '#!/bin/sh\nkill -9 $$\n' > fake
	run start --qemu ./fake
	[ "$status" = 1 ]
	[ "$output" = "vmstart: vm: qemu: killed by signal 9" ]
}

@test "a signal during the start removes what was created" {
	printf '#!/bin/sh\necho $$ > fake.pid\nexec sleep 60\n' > fake
	chmod +x fake
	qemu-img create -q -f qcow2 base.qcow2 64M
	background "$BIN/vmstart" -n vm --run run --qemu ./fake -d disk.qcow2 -b base.qcow2
	wait_for 5 test -s fake.pid
	kill -TERM "$PID"
	ended 143
	[ ! -e run ]
	[ ! -e disk.qcow2 ]
	run ! kill -0 "$(< fake.pid)"
}

@test "vmstart --foreground shuts the guest down on SIGTERM and SIGINT" {
	local sig
	polite_disk disk.img
	for sig in TERM INT; do
		rm -rf run
		background "$BIN/vmstart" -n vm --run run -m 32 -d disk.img --disk-format raw -f --grace 20
		wait_for 20 grep -q B run/console.log
		kill -"$sig" "$PID"
		wait "$PID"
		[ ! -s err ]
		[ "$(cd run && echo *)" = "console.log qemu.log" ]
	done
}

@test "vmstart --foreground presses the power button again if the guest ignores it" {
	sector disk.img "$ENABLE $BOOTED $WAIT_PRESS $CLEAR $SAY_ONE $WAIT_PRESS $POWER_OFF"
	background "$BIN/vmstart" -n vm --run run -m 32 -d disk.img --disk-format raw -f --grace 20
	wait_for 20 grep -q B run/console.log
	kill -TERM "$PID"
	wait "$PID"
	[ ! -s err ]
	[ "$(< run/console.log)" = B1 ]
}

@test "vmstart --foreground ends a guest that does not shut down within --grace" {
	background "$BIN/vmstart" -n vm --run run -m 32 -f --grace 1
	wait_for 20 test -s run/pid
	wait_for 20 is_up
	local pid
	pid=$(< run/pid)
	kill -TERM "$PID"
	wait "$PID"
	[ "$(< err)" = "vmstart: vm: the guest did not shut down within 1 s and was ended" ]
	run ! kill -0 "$pid"
}

@test "vmstart --foreground ends when the guest shuts down, and fails when QEMU fails" {
	sector disk.img "$BOOTED $POWER_OFF"
	run timeout 20 "$BIN/vmstart" -n vm --run run -m 32 -d disk.img --disk-format raw -f
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ "$(< run/console.log)" = B ]
	background "$BIN/vmstart" -n vm --run run -m 32 -f
	wait_for 20 is_up
	kill -KILL "$(< run/pid)"
	ended 1
	[ "$(< err)" = "vmstart: vm: qemu: killed by signal 9" ]
	[ ! -e run/pid ]
	[ ! -e run/vm.json ]
}

@test "a guest may reboot" {
	# Port CF9h resets the machine.
	sector disk.img "$BOOTED baf90c b006 ee f4"
	background "$BIN/vmstart" -n vm --run run -m 32 -d disk.img --disk-format raw -f --grace 1
	wait_for 20 grep -q BBB run/console.log
	[[ $(qmp query-status) = *running* ]]
	kill -TERM "$PID"
	wait "$PID"
}

@test "vmstart --foreground as process 1 of a container reaps orphans and stops" {
	[ "$(id -u)" = 0 ] || skip "needs root for a PID namespace"
	polite_disk disk.img
	unshare -pf --kill-child --mount-proc bash -c '(sleep 0.2 & sleep 0.3 &); exec "$@"' bash \
		"$BIN/vmstart" -n vm --run run -m 32 -d disk.img --disk-format raw -f 3>&- &
	local outer=$! first
	keep_pid "$outer"
	wait_for 20 grep -q B run/console.log
	first=$(pgrep -P "$outer" -x vmstart)
	wait_for 5 bash -c "[ \$(pgrep -c -P $first) = 1 ]"
	kill -TERM "$first"
	wait "$outer"
	[ ! -e run/pid ]
}

@test "QEMU ends when vmstart --foreground is killed" {
	background "$BIN/vmstart" -n vm --run run -m 32 -f
	wait_for 20 test -s run/pid
	wait_for 20 is_up
	local pid
	pid=$(< run/pid)
	kill -KILL "$PID"
	wait_for 10 is_gone "$pid"
}

@test "a user NIC forwards a port, by default on loopback only" {
	local one two
	one=$(free_port)
	start --nic "user,fwd=tcp::$one-:22,mac=52:55:00:D1:55:01"
	ss -ltnH | grep -q "127.0.0.1:$one "
	[[ $(tr '\0' ' ' < /proc/"$(< run/pid)"/cmdline) = *mac=52:55:00:d1:55:01* ]]
	# The port is in use: QEMU reports it.
	two=run2
	run "$BIN/vmstart" -n vm2 --run $two -m 32 --nic "user,fwd=tcp:127.0.0.1:$one-:22"
	[ "$status" = 1 ]
	[[ $output = "vmstart: vm2: qemu: "*"Could not set up host forwarding rule"* ]]
	[ ! -e $two ]
}

@test "vmstart connects a NIC to a tap device" {
	[ "$(id -u)" = 0 ] && [ -e /dev/net/tun ] || skip "needs root and /dev/net/tun"
	run unshare -n bash -c "ip link set lo up && ip tuntap add t0 mode tap && \
		'$BIN/vmstart' -n vm --run run -m 32 --nic tap=t0 && ip -br link show t0 | grep -qv NO-CARRIER"
	[ "$status" = 0 ]
}

@test "an invalid --nic, --extra-disk or --fw-cfg is a usage error" {
	local spec
	for spec in '' eth0 tap= tap=toolonganinterface tap=a/b tap=t0,fwd=tcp::1-:1 bridge= user,mac=1 \
		user,mac=53:55:00:d1:55:01 user,mac=52:55:00:d1:55:0g user,mac=00:00:00:00:00:00 user,what \
		user,mac=52:55:00:d1:55:01,mac=52:55:00:d1:55:02 user,fwd=tcp:2222:22 user,fwd=icmp::1-:1 \
		user,fwd=tcp::0-:22 user,fwd=tcp::65536-:22 user,fwd=tcp:localhost:2222-:22 user,fwd=tcp::2222; do
		run start --nic "$spec"
		[ "$status" = 2 ] && [[ $output = "vmstart: nic: $spec: "* ]] || { echo "nic $spec: $output" && false; }
	done
	for spec in '' ,serial=a x,format=vmdk x,serial= x,serial=aaaaaaaaaaaaaaaaaaaaa x,what; do
		run start --extra-disk "$spec"
		[ "$status" = 2 ] || { echo "disk $spec: $output" && false; }
	done
	for spec in opt/a opt/=x etc/a=x opt/a=; do
		run start --fw-cfg "$spec"
		[ "$status" = 2 ] || { echo "fw $spec: $output" && false; }
	done
	run start --nic user,mac=52:55:00:d1:55:01 --nic tap=t0,mac=52:55:00:D1:55:01
	[ "$status" = 2 ]
	[[ $output = "vmstart: nic: two NICs have the MAC address 52:55:00:d1:55:01"* ]]
	[ ! -e run ]
}

@test "invalid options are usage errors" {
	run "$BIN/vmstart" -n vm
	[ "$status" = 2 ]
	[[ $output = *"--name and --run are required"* ]]
	local words
	while read -r words; do
		# shellcheck disable=SC2086
		run start $words
		[ "$status" = 2 ] || { echo "$words: $output" && false; }
	done <<- 'EOF'
		--name a,b
		-m 0
		-m 1025K
		-m 1X
		-c 0
		-c 256
		-t 0
		--grace x
		--disk-size 1G
		-b x
		-d x --keep-disk
		-d x --disk-format vmdk
		-d x -b y --backing-format vmdk
		-a quiet
		operand
	EOF
	run start --qmp "/tmp/$(printf '%0120d' 0)"
	[ "$status" = 2 ]
	[[ $output = *"longer than 107 bytes"* ]]
	[ ! -e run ]
}

@test "the disk and its backing file are one file, by whatever path: a usage error, and the file is as it was" {
	local other
	echo precious > base
	ln base hard
	ln -s base soft
	mkdir dir
	for other in base ./base dir/../base "$PWD/base" hard soft; do
		run start -d "$other" -b base
		[ "$status" = 2 ]
		[[ $output = "vmstart: disk and backing: $other and base are the same file"* ]]
	done
	[ "$(cat base)" = precious ]
	[ ! -e run ]
}

@test "extra disks, fw_cfg files and QEMU arguments reach the guest" {
	truncate -s 1M a,b.raw
	truncate -s 1M c.raw
	echo hello > value
	start --extra-disk c.raw,serial=data,format=raw,readonly --fw-cfg opt/kubestamp/x=value -- -uuid 01234567-0123-0123-0123-0123456789ab
	local blocks
	blocks=$(qmp query-named-block-nodes)
	[[ $blocks = *'"node-name": "disk1"'* && $blocks = *'"ro": true'* ]]
	[[ $(qmp query-uuid) = *01234567-0123-0123-0123-0123456789ab* ]]
	[[ $(tr '\0' ' ' < /proc/"$(< run/pid)"/cmdline) = *'serial=data'*'name=opt/kubestamp/x,file=value'* ]]
	"$BIN/vmstop" --now run
	# A comma in the disk's file name.
	start -d a,b.raw --disk-format raw
	[[ $(qmp query-named-block-nodes) = *'a,b.raw'* ]]
}

@test "vmstart --print prints the same command every time, and starts nothing" {
	run start --print --nic user --nic tap=t0 -k /boot/k -a "it's quiet" -m 4G -d d.qcow2 -b base.qcow2
	[ "$status" = 0 ]
	[ ! -e run ]
	[ ! -e d.qcow2 ]
	local first=$output
	run start --print --nic user --nic tap=t0 -k /boot/k -a "it's quiet" -m 4096 -d d.qcow2 -b base.qcow2
	[ "$output" = "$first" ]
	[ "${lines[0]}" = 'qemu-system-x86_64 \' ]
	# A shell reads the same words back.
	eval "set -- $first"
	[ "${!#}" = "it's quiet" ]
	[[ $* = *'driver=qcow2,node-name=root'* ]]
}

@test "the top overlay of a raw disk is opened as qcow2" {
	truncate -s 4M disk.raw
	# As vmsave leaves them.
	qemu-img create -q -f qcow2 -b disk.raw -F raw disk.raw.1
	ln -s disk.raw.1 disk.raw.top
	run start --print -d disk.raw --disk-format raw
	[ "$status" = 0 ]
	[[ $output = *"driver=qcow2,node-name=root,"*"file.filename=disk.raw.1,"* ]]
	run start --print -d disk.raw
	[[ $output = *"driver=qcow2,node-name=root,"*"file.filename=disk.raw.1,"* ]]
}

@test "each path in the runtime directory can be set" {
	mkdir sockets
	start --qmp sockets/q --agent sockets/a --console-socket sockets/c --console log --pidfile p
	kill -0 "$(< p)"
	[ -S sockets/a ]
	[ -S sockets/c ]
	[ -e log ]
	[[ $(qmp query-status sockets/q) = *running* ]]
	"$BIN/vmstop" --now --qmp sockets/q --pidfile p run
	[ ! -e p ]
	[ ! -e sockets/q ]
}
