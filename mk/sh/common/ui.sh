# How a run talks: one line when a step begins, one when it ends; between them, on a terminal, what it does now.
# shellcheck shell=bash

[ -t 1 ] && UI_TTY=1 || UI_TTY=

# ui_begin LABEL TEXT
ui_begin() {
	UI_LABEL=$1 UI_TEXT=$2 UI_SINCE=$SECONDS UI_SAID=$SECONDS
	printf '%-9s %s\n' "$UI_LABEL" "$UI_TEXT"
}

# ui_alive FILE: show that the step lives: the last line of FILE; in a log one line a minute.
ui_alive() {
	local last
	if [ -n "$UI_TTY" ]; then
		last=$(tail -c 2000 "$1" 2> /dev/null | tr '\r\t' '\n ' | grep -av '^ *$' | tail -n 1) || true
		printf '\r\033[K%-9s %4ds  %.*s' '' $((SECONDS - UI_SINCE)) $((${COLUMNS:-80} - 20)) "${last//[^[:print:]]/}"
	elif [ $((SECONDS - UI_SAID)) -ge 60 ]; then
		UI_SAID=$SECONDS
		last=$(grep -av '^ *$' "$1" 2> /dev/null | tail -n 1) || true
		printf '%-9s %4ds  %.60s\n' '' $((SECONDS - UI_SINCE)) "$last"
	fi
}

ui_clear() { [ -z "$UI_TTY" ] || printf '\r\033[K'; }

# ui_end TEXT
ui_end() {
	ui_clear
	printf '%-9s %s in %d s\n' "$UI_LABEL" "$1" $((SECONDS - UI_SINCE))
}

# ui_error WHAT LOG [NEXT]: WHAT failed; the last lines of LOG; what to do now.
ui_error() {
	ui_clear
	{
		echo
		echo "error: $1"
		if [ -s "$2" ]; then
			echo "  log: $2; it ends so:"
			grep -av '^ *$' "$2" | tail -n 12 | cut -c1-200 | sed 's/^/  | /'
		fi
		[ -z "${3:-}" ] || echo "  next: $3"
	} >&2
}

# ui_run LOG SECONDS COMMAND...: run COMMAND in a process group of its own, output to LOG, showing that it lives.
# Returns its exit code; 124 when SECONDS have passed. An interrupt ends the whole group first. UI_GROUP: a file for
# the group's number, for who comes after a kill -9.
ui_run() {
	local log=$1 limit=$2 pid rc=0 end
	shift 2
	end=$((SECONDS + limit))
	set -m
	"$@" >> "$log" 2>&1 < /dev/null 9>&- &
	pid=$!
	set +m
	[ -z "${UI_GROUP:-}" ] || echo "$pid" > "$UI_GROUP"
	trap 'ui_stop "$pid"; exit 130' INT TERM HUP
	while kill -0 "$pid" 2> /dev/null; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "error: not done after $limit s" >> "$log"
			ui_stop "$pid"
			rc=124
			break
		fi
		ui_alive "$log"
		# What takes no time is not to take longer for being watched.
		if [ $((SECONDS - end + limit)) -lt 5 ]; then sleep 0.03; else sleep 0.2; fi
	done
	[ "$rc" = 124 ] || wait "$pid" || rc=$?
	trap - INT TERM HUP
	return "$rc"
}

# ui_stop PID: end a process group, firmly after 10 s.
ui_stop() {
	local i
	kill -TERM -- "-$1" 2> /dev/null || true
	for ((i = 0; i < 100; i++)); do
		kill -0 -- "-$1" 2> /dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$1" 2> /dev/null || true
}
