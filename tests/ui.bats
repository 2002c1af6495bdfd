# mk/sh/common/ui.sh: what a step shows.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	libs ui
}

@test "ui_error: the last lines of the log; a long one is cut, but not the error that ended the step" {
	{
		seq 20
		printf 'x%.0s' {1..500}
		printf '\n\nerror: %s end\n' "$(printf 'y%.0s' {1..500})"
	} > log
	run -0 --separate-stderr ui_error "stage s failed" log "Try again."
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "error: stage s failed" ]
	[ "${stderr_lines[1]}" = "  log: log; its last lines:" ]
	[ "${stderr_lines[2]}" = "  | 11" ]
	[ "${stderr_lines[12]}" = "  | $(printf 'x%.0s' {1..200})" ]
	[[ ${stderr_lines[13]} == "  | error: yyy"*" end" ]]
	[ "${stderr_lines[14]}" = "  Try again." ]
	: > log
	run -0 --separate-stderr ui_error "stage s failed" log
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "ui_run: the command's output and exit code; what takes too long is ended, with what it has started" {
	run -7 ui_run log 10 sh -c 'echo out; echo err >&2; exit 7'
	[ "$(cat log)" = $'out\nerr' ]
	run -124 ui_run log 1 sh -c 'sleep 60 & echo $! > pid; wait'
	[ "$(tail -n 1 log)" = "error: timed out after 1 s" ]
	run ! kill -0 "$(cat pid)"
}
