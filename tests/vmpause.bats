# vmpause: pauses and unpauses VMs.
load lib/common
load lib/vm

setup() { cd "$BATS_TEST_TMPDIR" || return; }

teardown() { vm_end; }

@test "VMs are paused and unpaused" {
	"$BIN/vmstart" --name vm --run run -m 32 3>&-
	"$BIN/vmstart" --name vm2 --run run2 -m 32 3>&-
	run "$BIN/vmpause" run run2
	[ "$status" = 0 ]
	[ -z "$output" ]
	[[ $(vm_status run) = *paused* && $(vm_status run2) = *paused* ]]
	# Pausing twice is not an error.
	"$BIN/vmpause" run
	run "$BIN/vmpause" --unpause --timeout 2 run run2
	[ "$status" = 0 ]
	# These guests have no agent, which is reported.
	[[ $output = "vmpause: run: the guest's clock was not set: "* ]]
	[[ $(vm_status run) = *running* && $(vm_status run2) = *running* ]]
}

@test "the guest's clock is set by its agent" {
	"$BIN/vmstart" --name vm --run run -m 32 3>&-
	# A fake agent.
	rm run/agent.sock
	cat > agent <<- 'END'
		#!/usr/bin/perl
		use IO::Socket::UNIX;
		my $s = IO::Socket::UNIX->new(Local => 'run/agent.sock', Listen => 1) or die;
		my $c = $s->accept;
		while (my $line = <$c>) {
			open my $f, '>>', 'asked'; print $f $line; close $f;
			my ($id) = $line =~ /"id": ?(\d+)/;
			print $c "{\"return\": {}, \"id\": $id}\n";
			$c->flush;
		}
	END
	perl agent 3>&- &
	keep_pid $!
	wait_for 5 test -S run/agent.sock
	"$BIN/vmpause" run
	run "$BIN/vmpause" --unpause run
	[ "$status" = 0 ]
	[ -z "$output" ]
	local time
	time=$(sed -n 's/.*guest-set-time.*"time": *\([0-9]*\).*/\1/p' asked)
	[ "$((time / 1000000000 - $(date +%s)))" -ge -5 ]
	[ "$((time / 1000000000 - $(date +%s)))" -le 5 ]
}

@test "no VM, or a QMP socket that serves another client, is an error within the timeout" {
	run "$BIN/vmpause" nowhere
	[ "$status" = 1 ]
	[ "$output" = "vmpause: nowhere: no VM is running there: nowhere/qmp.sock: No such file or directory" ]
	"$BIN/vmstart" --name vm --run run -m 32 3>&-
	socat -u UNIX-CONNECT:run/qmp.sock - > other 3>&- &
	keep_pid $!
	wait_for 5 test -s other
	run "$BIN/vmpause" --timeout 1 run
	[ "$status" = 124 ]
	run "$BIN/vmpause"
	[ "$status" = 2 ]
	run "$BIN/vmpause" --timeout x run
	[ "$status" = 2 ]
}
