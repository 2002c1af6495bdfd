# Functions that all benchmarks use: timing, the table and the JSON file. Sourced; BENCH is the name of the benchmark.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"
BENCH_DIR=$B/bench
BENCH_LOG=$BENCH_DIR/$BENCH.log
mkdir -p "$BENCH_DIR"
: > "$BENCH_LOG"
bench_rows=() bench_goals=()

# bench_make ARG...: run make as a user does, independent of the make that runs the benchmark.
bench_make() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u NODES -u CLUSTER -u RESUME -u NAME make --no-print-directory "$@"; }

# bench_seconds COMMAND...: print how many seconds COMMAND takes. Fails if COMMAND fails.
bench_seconds() {
	local began=$EPOCHREALTIME
	"$@" >> "$BENCH_LOG" 2>&1 || return
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", b - a }'
}

bench_ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", b == 0 ? 0 : a / b }'; }
bench_most() { awk -v a="$1" -v b="$2" 'BEGIN { print (a > b ? a : b) }'; }
bench_least() { awk -v a="$1" -v b="$2" 'BEGIN { print a < b ? a : b }'; }

# bench_number NAME VALUE: fail unless VALUE is a number, that is, has been measured.
bench_number() { [[ $2 =~ ^[0-9]+([.][0-9]+)?$ ]] || fail "bench: $1: not measured ('$2')"; }

# bench_row NAME VALUE UNIT: print a result and keep it for the JSON file.
bench_row() {
	bench_number "$1" "$2"
	printf '  %-58s %10s %s\n' "$1" "$2" "$3"
	bench_rows+=("$(jq -cn --arg name "$1" --argjson value "$2" --arg unit "$3" '{$name, $value, $unit}')")
}

# bench_goal NAME VALUE UNIT "<= GOAL"|">= GOAL": the same for a goal, and whether it is met.
bench_goal() {
	local row
	bench_number "$1" "$2"
	row=$(jq -cn --arg name "$1" --argjson value "$2" --arg unit "$3" --arg goal "$4" \
		'($goal[3:] | tonumber) as $g | {$name, $value, $unit, $goal, met: (if $goal[:2] == "<=" then $value <= $g else $value >= $g end)}')
	printf '  goal: %-52s %10s %s (%s): %s\n' "$1" "$2" "$3" "$4" "$(jq -r 'if .met then "met" else "NOT met" end' <<< "$row")"
	bench_goals+=("$row")
}

# bench_write: write the JSON file and print its name.
bench_write() {
	local host
	host=$(printf '%s, %s CPUs, %s' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)")
	jq -n --arg host "$host" --slurpfile rows <(printf '%s\n' "${bench_rows[@]}") \
		--slurpfile goals <(printf '%s\n' "${bench_goals[@]}") '{$host, $rows, $goals}' > "$BENCH_DIR/$BENCH.json.new"
	mv "$BENCH_DIR/$BENCH.json.new" "$BENCH_DIR/$BENCH.json"
	echo "  $BENCH_DIR/$BENCH.json"
}
