# vmstop: ends VMs that vmstart has started.
load lib/common
load lib/vm

setup() { cd "$BATS_TEST_TMPDIR" || return; }

teardown() { vm_end; }

start() { "$BIN/vmstart" --name vm --run run -m 32 "$@" 3>&-; }

# Its parent is gone, and another reaps it: it may be a zombie for a moment, and
# has ended when its last thread has.
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

@test "vmstop ends a deaf guest at the deadline, with 124" {
	start
	local pid
	pid=$(< run/pid)
	run "$BIN/vmstop" -t 1 run
	[ "$status" = 124 ]
	[ "$output" = "vmstop: run: the guest did not shut down in 1 s and was ended" ]
	wait_for 5 is_gone "$pid"
	[ ! -e run/pid ]
	[ ! -e run/qmp.sock ]
}

@test "vmstop --now ends it at once" {
	start
	local pid
	pid=$(< run/pid)
	run timeout 5 "$BIN/vmstop" --now run
	[ "$status" = 0 ]
	[ -z "$output" ]
	wait_for 5 is_gone "$pid"
}

@test "vmstop is silent when nothing runs, and removes what is stale" {
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
	[ "$output" = "vmstop: run: no VM runs" ]
	[ "$(cd run && echo *)" = "console.log qemu.log" ]
}

@test "vmstop does not touch a process that only has the pid" {
	mkdir run
	sleep 60 3>&- &
	keep_pid $!
	echo $! > run/pid
	run "$BIN/vmstop" run
	[ "$status" = 0 ]
	kill -0 $!
}

@test "vmstop ends a QEMU whose QMP another client has" {
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

@test "vmstop leaves a file alone that is not a socket" {
	start
	echo data > file
	run timeout 20 "$BIN/vmstop" --now --qmp file run
	[ "$status" = 0 ]
	[ "$(< file)" = data ]
}

@test "vmstop: wrong usage" {
	run "$BIN/vmstop"
	[ "$status" = 2 ]
	run "$BIN/vmstop" a b
	[ "$status" = 2 ]
	run "$BIN/vmstop" -t 0 a
	[ "$status" = 2 ]
}
