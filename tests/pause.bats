# pause, as the first process of a pod.
load lib/common

teardown() { end_kept; }

@test "pause ends on SIGTERM and on SIGINT, with 0" {
	local sig pid
	for sig in TERM INT; do
		# A background job of a shell starts with SIGINT ignored; pause accepts it nevertheless.
		"$BIN/pause" 3>&- &
		pid=$!
		keep_pid "$pid"
		# It sleeps only while it waits for a signal.
		wait_for 5 grep -Pzq 'Name:\tpause\n(.*\n)*State:\tS' "/proc/$pid/status"
		kill -"$sig" "$pid"
		wait "$pid"
	done
}

@test "pause reaps orphans when it is the first process of a namespace" {
	[ "$(id -u)" = 0 ] || skip "needs root for a PID namespace"
	# The shell leaves two orphans and becomes pause, process 1 of the namespace.
	unshare -pf --mount-proc bash -c '(sleep 0.2 & sleep 0.3 &); exec "$0"' "$BIN/pause" 3>&- &
	local outer=$! first
	keep_pid "$outer"
	wait_for 5 pgrep -P "$outer" -x pause
	first=$(pgrep -P "$outer" -x pause)
	keep_pid "$first"
	wait_for 5 bash -c "! pgrep -P $first"
	[ -d "/proc/$first" ]
}

@test "pause needs no shared library" {
	case $BIN in */san/bin) skip "a sanitized program is linked dynamically" ;; esac
	run ! ldd "$BIN/pause"
}
