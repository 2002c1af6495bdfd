# vmstop: shuts down or ends VMs that vmstart has started.
load lib/common
load lib/vm

setup() { cd "$BATS_TEST_TMPDIR" || return; }

teardown() { vm_end; }

start() { "$BIN/vmstart" --name vm --run run -m 32 "$@" 3>&-; }

# A process whose parent has ended is reaped by another one, so it may be a zombie for a moment. It has ended
# when its last thread has.
is_gone() { [ ! -e "/proc/$1" ] || grep -Pzq '\nState:\tZ(.*\n)*Threads:\t1\n' "/proc/$1/status"; }

@test "vmstop shuts a guest down" {
	polite_disk disk.img
	start -d disk.img --disk-format raw
	wait_for 20 grep -q B run/console.log
	local pid
	pid=$(< run/pid)
	run "$BIN/vmstop" -t 20 run
	[ "$status" = 0 ]
	[ -z "$output" ]
	wait_for 5 is_gone "$pid"
	[ "$(cd run && echo *)" = "console.log qemu.log" ]
}

@test "vmstop ends a guest that does not shut down in time, and exits with 124" {
	start
	local pid
	pid=$(< run/pid)
	run "$BIN/vmstop" -t 1 run
	[ "$status" = 124 ]
	[ "$output" = "vmstop: run: the guest did not shut down within 1 s and was ended" ]
	wait_for 5 is_gone "$pid"
	[ ! -e run/pid ]
	[ ! -e run/qmp.sock ]
}

@test "vmstop --now ends the VM at once" {
	start
	local pid
	pid=$(< run/pid)
	run timeout 5 "$BIN/vmstop" --now run
	[ "$status" = 0 ]
	[ -z "$output" ]
	wait_for 5 is_gone "$pid"
}

@test "vmstop is silent if no VM is running, and removes stale files" {
	run "$BIN/vmstop" run
	[ "$status" = 0 ]
	[ -z "$output" ]
	start
	local pid
	pid=$(< run/pid)
	kill -KILL "$pid"
	wait_for 5 is_gone "$pid"
	run "$BIN/vmstop" -v run
	[ "$status" = 0 ]
	[ "$output" = "vmstop: run: no VM is running there" ]
	[ "$(cd run && echo *)" = "console.log qemu.log" ]
}

@test "vmstop does not touch another process that has the pid" {
	mkdir run
	sleep 60 3>&- &
	keep_pid $!
	echo $! > run/pid
	run "$BIN/vmstop" run
	[ "$status" = 0 ]
	kill -0 $!
}

@test "vmstop ends a QEMU whose QMP socket serves another client" {
	start
	local pid
	pid=$(< run/pid)
	socat -u UNIX-CONNECT:run/qmp.sock - > held 3>&- &
	keep_pid $!
	wait_for 5 grep -q QMP held
	run timeout 20 "$BIN/vmstop" -t 1 run
	[ "$status" = 124 ]
	wait_for 5 is_gone "$pid"
}

@test "vmstop kills a QEMU that does not answer" {
	start
	local pid
	pid=$(< run/pid)
	kill -STOP "$pid"
	run timeout 30 "$BIN/vmstop" -t 1 run
	[ "$status" = 124 ]
	wait_for 5 is_gone "$pid"
	[ ! -e run/qmp.sock ]
	[ ! -e run/pid ]
}

@test "vmstop does not remove a file that is not a socket" {
	start
	echo data > file
	run timeout 20 "$BIN/vmstop" --now --qmp file run
	[ "$status" = 0 ]
	[ "$(< file)" = data ]
}

@test "vmstop: usage errors" {
	run "$BIN/vmstop"
	[ "$status" = 2 ]
	run "$BIN/vmstop" a b
	[ "$status" = 2 ]
	run "$BIN/vmstop" -t 0 a
	[ "$status" = 2 ]
}
