# Progress output: a line when a step begins and one when it ends; in between, on a terminal, what it is doing. Sourced.
# shellcheck shell=bash

[ -t 1 ] && UI_TTY=1 || UI_TTY=

# ui_note LABEL TEXT: print a line of its own.
ui_note() { printf '%-9s %s\n' "$1" "$2"; }

# ui_begin LABEL TEXT: a step begins.
ui_begin() {
	UI_LABEL=$1 UI_SINCE=$SECONDS UI_SAID=$SECONDS
	ui_note "$1" "$2"
}

# ui_alive FILE: show the elapsed time and the last line of FILE; if the output is not a terminal, once a minute.
ui_alive() {
	local last
	[ -n "$UI_TTY" ] || [ $((SECONDS - UI_SAID)) -ge 60 ] || return 0
	UI_SAID=$SECONDS
	last=$(tail -c 2000 "$1" 2> /dev/null | tr '\r\t' '\n ' | grep -av '^ *$' | tail -n 1) || true
	if [ -n "$UI_TTY" ]; then
		printf '\r\033[K%-9s %4ds  %.*s' '' $((SECONDS - UI_SINCE)) $((${COLUMNS:-80} - 20)) "${last//[^[:print:]]/}"
	else
		printf '%-9s %4ds  %.60s\n' '' $((SECONDS - UI_SINCE)) "$last"
	fi
}

ui_clear() { [ -z "$UI_TTY" ] || printf '\r\033[K'; }

# ui_end TEXT: the step has ended.
ui_end() {
	ui_clear
	ui_note "$UI_LABEL" "$1 in $((SECONDS - UI_SINCE)) s"
}

# ui_error WHAT LOG [NEXT]: print the error WHAT, the last lines of LOG, and NEXT, which says what to do.
ui_error() {
	ui_clear
	{
		echo
		echo "error: $1"
		if [ -s "$2" ]; then
			echo "  log: $2; its last lines:"
			grep -av '^ *$' "$2" | tail -n 12 | awk '{ print "  | " (/^error: / ? $0 : substr($0, 1, 200)) }'
		fi
		[ -z "${3:-}" ] || echo "  $3"
	} >&2
}

# ui_run LOG SECONDS COMMAND...: run COMMAND in a process group of its own with its output in LOG, and show progress.
# Returns its exit code, or 124 after SECONDS. A signal ends the whole group before this script, which then exits with 128 plus
# its number. If UI_GROUP is set, the number of the group is written to that file, so that the group can be ended after this
# script was killed.
ui_run() {
	local log=$1 limit=$2 pid rc=0 end signal
	shift 2
	end=$((SECONDS + limit))
	set -m
	"$@" >> "$log" 2>&1 < /dev/null 9>&- &
	pid=$!
	set +m
	[ -z "${UI_GROUP:-}" ] || echo "$pid" > "$UI_GROUP"
	# The caller's own are valid again afterwards.
	local -A ui_traps
	for signal in INT TERM HUP; do ui_traps[$signal]=$(trap -p "$signal"); done
	trap 'ui_stop "$pid"; exit 130' INT
	trap 'ui_stop "$pid"; exit 143' TERM
	trap 'ui_stop "$pid"; exit 129' HUP
	while kill -0 "$pid" 2> /dev/null; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "error: timed out after $limit s" >> "$log"
			ui_stop "$pid"
			rc=124
			break
		fi
		ui_alive "$log"
		# Poll often at first, so that short commands are not slowed down.
		if [ $((SECONDS - end + limit)) -lt 5 ]; then sleep 0.03; else sleep 0.2; fi
	done
	[ "$rc" = 124 ] || wait "$pid" || rc=$?
	for signal in INT TERM HUP; do eval "${ui_traps[$signal]:-trap - $signal}"; done
	return "$rc"
}

# ui_stop PID: end the process group PID: SIGTERM, and SIGKILL after 60 s. On a busy host an engine needs more than 10 s to remove
# a running machine's containers, and what removes them must not be killed halfway: they would stay.
ui_stop() {
	local i
	kill -TERM -- "-$1" 2> /dev/null || true
	for ((i = 0; i < 600; i++)); do
		kill -0 -- "-$1" 2> /dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$1" 2> /dev/null || true
}
