# renew: the first program that a machine runs when it resumes. Its work is tested in tests/flow-mini.bats, where machines
# resume; here the clock is that of this machine and must not be set.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p etc root
	echo old > root/key
	echo new > etc/key
	random=$(od -An -N64 -v -tx1 /dev/urandom | tr -d ' \n')
}

# input FIRST-LINE: print the line, and a tar of a key.
input() {
	printf '%s\n' "$1"
	tar --format=ustar -C etc -c key
}

# unable COMMAND...: run it without the permission to set the clock.
unable() {
	if [ "$(id -u)" = 0 ]; then setpriv --bounding-set -sys_time --inh-caps -sys_time -- "$@"; else "$@"; fi
}

@test "a first line that is not a time and random bytes: exit 1, and nothing is changed" {
	local line
	for line in '' nonsense "$(date +%s)" "$(date +%s.%N)" "$(date +%s) $random" "$(date +%s.%N) 0" "$(date +%s.%N) xy" \
		"$(date +%s).1 $random" "-1.000000000 $random" "$(date +%s.%N)$random"; do
		run unable "$BIN/renew" -C root < <(input "$line")
		[ "$status" = 1 ]
		[ "$output" = "renew: standard input: the first line is not a time and random bytes" ]
	done
	run unable "$BIN/renew" -C root < /dev/null
	[ "$status" = 1 ]
	[ "$(< root/key)" = old ]
}

@test "no permission to set the clock: exit 1, and nothing is changed" {
	run unable "$BIN/renew" -C root < <(input "$(date +%s.%N) $random")
	[ "$status" = 1 ]
	[ "$output" = "renew: the clock: Operation not permitted" ]
	[ "$(< root/key)" = old ]
}

@test "a directory that does not exist: exit 1" {
	run unable "$BIN/renew" -C nowhere < <(input "$(date +%s.%N) $random")
	[ "$status" = 1 ]
	[ "$output" = "renew: nowhere: No such file or directory" ]
}

@test "renew needs no shared library" {
	case $BIN in */san/bin) skip "a sanitized program is linked dynamically" ;; esac
	run ! ldd "$BIN/renew"
}
