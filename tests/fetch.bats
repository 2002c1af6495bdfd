# fetch, against a server that misbehaves (tests/lib/httpd.pl).
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	mkdir root
	# Text, which /wrong/ changes; larger than one write of libcurl.
	perl -e 'srand 1; print join "", map { chr 97 + rand 26 } 1 .. 800_000' > root/f
	SIZE=$(stat -c %s root/f)
	SUM=$(sha256sum < root/f | cut -d' ' -f1)
	serve root state
}

teardown() {
	end_kept
	if [ -d "$BATS_TEST_TMPDIR/small" ]; then
		umount "$BATS_TEST_TMPDIR/small" 2> /dev/null || true
	fi
}

# got [FILE]: FILE (default: f) is correct and no partial file is left.
got() {
	cmp root/f "${1:-f}" && [ ! -e "${1:-f}.part" ]
}

# asked: print the requests that the server got.
asked() { paste -sd' ' state/log; }

# failed CODE PATTERN: the last run ended with CODE and printed this one line.
failed() {
	if [ "$status" != "$1" ] || [ "${#lines[@]}" != 1 ] || [[ $output != "fetch: "$2 ]]; then
		echo "$status: $output"
		return 1
	fi
}

@test "a file, without output; the name is the last component of the URL; the second time no request is made" {
	run -0 fetch -s "$SUM" "$U/file/f?query#fragment"
	[ -z "$output" ]
	got
	[ "$(stat -c %a f)" = "$(printf %o $((0666 & ~$(umask))))" ]
	run -0 fetch -s "${SUM^^}" "$U/file/f"
	run -0 fetch -v -s "$SUM" "$U/file/f"
	[ "$output" = "fetch: f: already downloaded" ]
	[ "$(asked)" = "/file/f -" ]
	echo other > f
	fetch -s "$SUM" "$U/file/f"
	got
}

@test "a proxy of the environment is used, except for this machine itself" {
	export http_proxy=$U
	fetch -s "$SUM" "http://localhost:${U##*:}/file/f"
	got
	[ "$(asked)" = "/file/f -" ]
	rm f
	http_proxy=http://127.0.0.1:1 fetch -s "$SUM" "$U/file/f"
	got
	run fetch -r 0 -s "$SUM" -o g http://mirror.invalid/file/f
	[ "$(tail -n 1 state/log)" = "http://mirror.invalid/file/f -" ]
	# The hosts of no_proxy are excepted too, in both spellings.
	for name in no_proxy NO_PROXY; do
		run env "$name=example.org,mirror.invalid" "$BIN/fetch" -r 0 -s "$SUM" -o g http://mirror.invalid/file/f
		[[ $output == *"resolve host"* ]]
		rm -f f
		env "$name=example.org" http_proxy=http://127.0.0.1:1 "$BIN/fetch" -s "$SUM" "$U/file/f"
		got
	done
	rm f
	no_proxy='*' http_proxy=http://127.0.0.1:1 fetch -s "$SUM" "$U/file/f"
	got
}

@test "file:// URLs, also resumed; an empty file" {
	fetch -s "$SUM" -o out "file://$PWD/root/f"
	got out
	head -c 1000 root/f > part.part
	fetch -s "$SUM" -o part "file://$PWD/root/f"
	got part
	cat root/f root/f > long.part
	fetch -s "$SUM" -o long "file://$PWD/root/f"
	got long
	: > root/empty
	fetch -s "$(sha256sum < root/empty | cut -d' ' -f1)" -o none "$U/file/empty"
	[ -e none ] && [ ! -s none ]
	run fetch -s "$SUM" -o x "file://$PWD/absent"
	failed 1 "file://$PWD/absent: *"
	[ ! -e x.part ]
}

@test "a broken transfer is continued with a range request, and so is the partial file of an earlier run" {
	run -0 fetch -s "$SUM" "$U/cut/f"
	[ -z "$output" ]
	got
	[ "$(asked)" = "/cut/f - /cut/f $((SIZE / 2))" ]
	head -c 12345 root/f > g.part
	fetch -s "$SUM" -o g "$U/file/f"
	got g
	[[ $(asked) == *" /file/f 12345" ]]
}

@test "a complete partial file needs no server; one that is too long or wrong is downloaded again" {
	cp root/f a.part
	fetch -s "$SUM" -o a "$U/file/f"
	got a
	[ "$(asked)" = "" ]
	cat root/f root/f > b.part
	fetch -s "$SUM" -o b "$U/file/f"
	got b
	[ "$(asked)" = "/file/f $((2 * SIZE)) /file/f -" ]
	head -c 5000 /dev/zero > c.part
	fetch -s "$SUM" -o c "$U/file/f"
	got c
	[[ $(asked) == *" /file/f 5000 /file/f -" ]]
}

@test "servers that ignore ranges, refuse them, or send a different one" {
	local kind
	for kind in norange range416 shifted; do
		head -c 777 root/f > "$kind.part"
		fetch -s "$SUM" -o "$kind" -r 0 "$U/$kind/f"
		got "$kind"
	done
	[ "$(asked)" = "/norange/f 777 /range416/f 777 /range416/f - /shifted/f 777 /shifted/f -" ]
}

@test "redirects are followed, but not forever and not to a file URL" {
	fetch -s "$SUM" -o a "$U/moved/f"
	got a
	fetch -s "$SUM" -o b "$U/temp/f"
	got b
	run fetch -s "$SUM" -o c "$U/loop"
	failed 1 "$U/loop: *redirects*"
	[ "$(grep -c /loop state/log)" = 6 ]
	run fetch -s "$SUM" -o c "$U/away"
	failed 1 "$U/away: Protocol*"
}

@test "a wrong digest from every mirror: the message has both digests and the URL, no file is left" {
	local other
	other=$(tr a-y b-z < root/f | sha256sum | cut -d' ' -f1)
	run fetch -s "$SUM" "$U/wrong/f"
	failed 1 "$U/wrong/f: the SHA-256 is $other, not $SUM"
	[ "$(echo *)" = "pids root state" ]
	# After resuming, it is downloaded once more, but only once.
	head -c 1000 root/f > f.part
	run fetch -s "$SUM" "$U/wrong/f"
	failed 1 "*$other*"
	[ "$(asked)" = "/wrong/f - /wrong/f 1000 /wrong/f -" ]
	[ "$(echo *)" = "pids root state" ]
	# An existing file is kept.
	echo mine > f
	run fetch -s "$SUM" "$U/wrong/f"
	[ "$(cat f)" = mine ]
}

@test "mirrors are tried in order; with -v the failed ones are named" {
	run -0 fetch -v -s "$SUM" -r 0 "$U/missing/f" "$U/wrong/f" "$U/down/f" "$U/drop/f" "$U/file/f" "$U/file/g"
	got
	[ "${#lines[@]}" = 4 ]
	[ "${lines[0]}" = "fetch: $U/missing/f: status 404" ]
	# The last mirror continues where the one before it broke off.
	[ "$(asked)" = "/missing/f - /wrong/f - /down/f - /drop/f - /file/f $((SIZE / 2))" ]
	rm f
	run fetch -s "$SUM" "$U/missing/f" "$U/missing/g"
	failed 1 "$U/missing/g: status 404"
}

@test "retries: the number given, with pauses; none for a permanent error" {
	local start=${EPOCHREALTIME/./}
	run fetch -s "$SUM" -r 2 "$U/down/f"
	failed 1 "$U/down/f: status 500"
	[ $((${EPOCHREALTIME/./} - start)) -ge 1500000 ]
	[ "$(grep -c /down state/log)" = 3 ]
	run fetch -s "$SUM" "$U/missing/f"
	[ "$(grep -c /missing state/log)" = 1 ]
	run fetch -s "$SUM" -r 1 -o x "http://127.0.0.1:$(free_port)/x"
	failed 1 "*connect*"
}

@test "Retry-After is honoured, unless it is too long" {
	local start=${EPOCHREALTIME/./}
	fetch -s "$SUM" "$U/busy/f"
	got
	[ $((${EPOCHREALTIME/./} - start)) -ge 1000000 ]
	rm f
	start=$SECONDS
	run fetch -s "$SUM" "$U/later/f"
	failed 1 "$U/later/f: status 503"
	[ "$(grep -c /later state/log)" = 1 ]
	[ $((SECONDS - start)) -lt 10 ]
}

@test "a server that stalls is abandoned for the next mirror, which continues the file" {
	fetch -s "$SUM" --stall 1 -r 0 "$U/stall/f" "$U/file/f"
	got
	[ "$(asked)" = "/stall/f - /file/f $((SIZE / 2))" ]
}

@test "the timeout: exit 124, and the partial file is kept" {
	run fetch -s "$SUM" -t 1 "$U/stall/f" "$U/file/f"
	failed 124 "$U/stall/f: *"
	cmp -n $((SIZE / 2)) root/f f.part
	[ "$(asked)" = "/stall/f -" ]
	run fetch -s "$SUM" -t 1 -r 5 -o g "$U/down/f"
	failed 124 "$U/down/f: no time for a retry: status 500"
}

@test "SIGINT keeps the partial file; the next run continues it" {
	# A background job of a shell starts with SIGINT ignored.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' fetch -s "$SUM" "$U/stall/f" 3>&- &
	local pid=$! code=0
	keep_pid "$pid"
	wait_for 10 cmp -n $((SIZE / 2)) root/f f.part
	kill -INT "$pid"
	wait "$pid" || code=$?
	[ "$code" = 130 ]
	[ ! -e f ]
	fetch -s "$SUM" "$U/file/f"
	got
	[ "$(asked)" = "/stall/f - /file/f $((SIZE / 2))" ]
}

@test "two fetches of one file: the second waits and finds it, or times out" {
	fetch -s "$SUM" --stall 2 -r 0 "$U/stall/f" "$U/file/f" 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 10 [ -s f.part ]
	run fetch -s "$SUM" -t 1 "$U/file/f"
	failed 124 "f.part: locked by another fetch"
	fetch -s "$SUM" "$U/file/f"
	got
	wait "$pid"
	# Only one of them downloaded it, in two parts.
	[ "$(asked)" = "/stall/f - /file/f $((SIZE / 2))" ]
}

@test "a file that is too large is refused" {
	run fetch -s "$SUM" --max-size 100K "$U/file/f"
	failed 1 "$U/file/f: larger than 102400 bytes"
	fetch -s "$SUM" --max-size 1M "$U/file/f"
	got
}

@test "a full disk: exit 1; with free space it is continued" {
	[ "$(id -u)" = 0 ] || skip "needs root for a tmpfs"
	mkdir small
	mount -t tmpfs -o size=1m none small
	head -c 600000 /dev/zero > small/fill
	run fetch -s "$SUM" -o small/f "$U/file/f" "$U/file/f"
	failed 1 "small/f: write: No space left on device"
	[ ! -e small/f ]
	rm small/fill
	fetch -s "$SUM" -o small/f "$U/file/f"
	got small/f
	[[ $(tail -1 state/log) =~ ^/file/f\ [1-9] ]]
	umount small
	rmdir small
}

@test "no message has a password or a query" {
	local secret=${U/\/\//\/\/user:secret@} raw=${U/\/\//\/\/user:se@cret@}
	run fetch -v -s "$SUM" -r 1 "$secret/missing/f?token=secret" "$secret/down/f?token=secret" "$secret/loop" "$secret/wrong/f"
	[ "$status" = 1 ]
	[[ $output != *secret* ]]
	[[ $output == *"$U/missing/f: status 404"* ]]
	run fetch -v -s "$SUM" "$raw/file/f"
	failed 1 "$U/file/f: URL using bad*"
	[[ $output != *cret* ]]
}

@test "progress is shown on a terminal only" {
	script -qec "fetch -s $SUM -o a --stall 1 -r 0 $U/stall/f $U/file/f" typescript > /dev/null
	got a
	grep -q 'a: 0.[0-9] MiB of 0.8' typescript
}

@test "bad options are named" {
	refuses fetch "the digest is missing: use --sha256" "$U/file/f"
	refuses fetch "expected URL..." -s "$SUM"
	refuses fetch "'abc' is not a SHA-256*" -s abc "$U/file/f"
	refuses fetch "URL 2 is not an http*" -s "$SUM" "$U/file/f" ftp://x/y
	refuses fetch "URL 1 is not an http*" -s "$SUM" root/f
	refuses fetch "the URL has no file name*" -s "$SUM" "$U/"
	refuses fetch "timeout '0'*" -s "$SUM" -t 0 "$U/file/f"
	refuses fetch "number of retries '-1'*" -s "$SUM" -r -1 "$U/file/f"
	refuses fetch "size '1X'*" -s "$SUM" --max-size 1X "$U/file/f"
	run fetch -s "$SUM" -o nowhere/f "$U/file/f"
	failed 1 "nowhere/f.part: No such file or directory"
	run fetch -s "$SUM" -o root "$U/file/f"
	failed 1 "root: not a regular file"
	[ ! -e state/log ] || [ ! -s state/log ]
}
