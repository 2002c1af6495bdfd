# What the bats files share: `load lib/common`.
# shellcheck shell=bash
bats_require_minimum_version 1.5.0
TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
BIN=${BIN:-$TOP/build/bin}
PATH=$BIN:$PATH

# free_port: a TCP port that the kernel calls free now.
free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# keep_pid PID: end PID (and nothing else) when the test ends, through end_kept in teardown.
keep_pid() { echo "$1" >> "$BATS_TEST_TMPDIR/pids"; }
end_kept() {
	local pid
	[ -e "$BATS_TEST_TMPDIR/pids" ] || return 0
	while read -r pid; do
		kill "$pid" 2> /dev/null || true
	done < "$BATS_TEST_TMPDIR/pids"
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds, or the time is up (fails).
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}
