# Shared by all bats files: `load lib/common`.
# shellcheck shell=bash
bats_require_minimum_version 1.5.0
TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
BIN=${BIN:-$TOP/build/bin}
PATH=$BIN:$PATH

# free_port: print a TCP port that is free now.
free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# take_tools DIR: put the compiled tools into the build directory DIR of a copy of the checkout. They are newer than the copy's
# sources, so make does not compile them again.
take_tools() {
	mkdir -p "$1"
	cp -a "${B:-$TOP/build}"/{bin,debug,obj} "$1/" 2> /dev/null || true
}

# keep_pid PID: remember the process; end_kept, called in teardown, ends exactly these processes.
keep_pid() { echo "$1" >> "$BATS_TEST_TMPDIR/pids"; }
end_kept() {
	local pid
	[ -e "$BATS_TEST_TMPDIR/pids" ] || return 0
	while read -r pid; do
		kill "$pid" 2> /dev/null || true
	done < "$BATS_TEST_TMPDIR/pids"
}

# wait_for SECONDS COMMAND...: wait until COMMAND succeeds; fail after SECONDS.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# show COMMAND...: run COMMAND, which may take minutes, and show its output on the terminal meanwhile.
show() {
	"$@" 2>&1 | sed 's/^/# /' >&3
	return "${PIPESTATUS[0]}"
}

# refuses TOOL TEXT ARG...: TOOL must exit with 2 and a first line that matches the pattern "TOOL: TEXT".
refuses() {
	run -2 "$1" "${@:3}"
	# shellcheck disable=SC2053 # a pattern
	[[ ${lines[0]} == "$1: "$2 ]] || { echo "got: $output"; return 1; }
}

# serve ROOT STATE: start tests/lib/httpd.pl as $HTTPD_PID; $U is its URL, and $U/file that of the directory ROOT.
serve() {
	mkdir -p "$2"
	rm -f "$2/port"
	perl "$BATS_TEST_DIRNAME/lib/httpd.pl" "$1" "$2" 3>&- &
	HTTPD_PID=$!
	keep_pid "$HTTPD_PID"
	wait_for 10 [ -e "$2/port" ]
	U=http://127.0.0.1:$(cat "$2/port")
}

# libs NAME...: source mk/sh/ROOM/NAME.sh of the checkout $TOP, as our scripts do.
libs() {
	local lib
	for lib; do
		# shellcheck source=/dev/null
		. "$TOP"/mk/sh/*/"$lib.sh"
	done
}
