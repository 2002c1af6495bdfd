# regpull, with a registry that misbehaves (tests/lib/registry.pl) and with docker-registry.
load lib/common
load lib/registry

setup() {
	registry_setup
	registry_layout
	regpush --tls-verify=false lay:x "$R/a/b:t" > pushed
	: > state/log
}

teardown() {
	end_kept
	if [ -d "$BATS_TEST_TMPDIR/small_disk" ]; then
		umount "$BATS_TEST_TMPDIR/small_disk" 2> /dev/null || true
	fi
}

# pull [OPTION...]: pull $R/a/b:t into in.
pull() { regpull --tls-verify=false "$@" "$R/a/b:t" in; }

# got [TAG]: does the layout in have the image, byte for byte, and nothing incomplete?
got() {
	diff -r lay/blobs in/blobs
	[ "$(cd in && echo *)" = "blobs index.json oci-layout" ]
	[ "$(ocipack --list in)" = "${1:-t} $M" ]
}

@test "a pull prints only the digest; a second one requests only the tag" {
	run -0 pull
	[ "$output" = "$M" ]
	got
	[ "$(asked)" = "GET 200 GET 200 GET 200 GET 200" ]
	: > state/log
	run -0 pull
	[ "$output" = "$M" ]
	[ "$(asked)" = "GET 200" ]
}

@test "only missing blobs are pulled; other images in the layout remain" {
	ocipack -t mine --compress none --file big=big in
	run -0 pull -v
	[[ $output == *"sha256:$BIG: already there"* ]]
	run -1 grep -q "$BIG" state/log
	ocipack --list in | grep -q '^mine '
	ocipack --list in | grep -q "^t $M"
	# A blob of another size counts as missing.
	rm "in/blobs/sha256/$SMALL"
	echo short > "in/blobs/sha256/$SMALL"
	pull
	cmp "$(blob lay "$SMALL")" "$(blob in "$SMALL")"
}

@test "by digest; the tag in the layout; latest" {
	run -2 regpull --tls-verify=false "$R/a/b@$M" in
	[ "${lines[0]}" = "regpull: an image without a tag needs one in the layout: LAYOUT:TAG" ]
	regpull --tls-verify=false "$R/a/b@$M" in:here/it:is
	got here/it:is
	: > state/log
	# The manifest alone is requested.
	regpull --tls-verify=false "$R/a/b:t@$M" in
	[ "$(wc -l < state/log)" = 1 ]
	regpush --tls-verify=false lay:x "$R/c" > pushed
	regpull --tls-verify=false "$R/c" other
	[ "$(ocipack --list other)" = "latest $M" ]
}

@test "--no-layers: the manifest and the configuration only; the layers can follow" {
	local config
	config=$(jq -r .config.digest "$(blob lay "${M#sha256:}")")
	run -0 pull --no-layers
	[ "$output" = "$M" ]
	[ "$(asked)" = "GET 200 GET 200" ]
	[ "$(ocipack --list in)" = "t $M" ]
	[ "$(ls in/blobs/sha256)" = "$(printf '%s\n' "${M#sha256:}" "${config#sha256:}" | sort)" ]
	pull
	got
}

@test "a download that is cut at byte k continues there" {
	local k
	for k in 1 65536 1000000 $((SIZE - 1)); do
		rm -rf in
		: > state/log
		mode "cut 1 GET $k"
		pull -j 1
		got
		grep -q "^GET .*$BIG 206 .* bytes=$k-$" state/log
	done
}

@test "a download that is cut repeatedly continues each time" {
	mode "cut 9 GET 300000"
	pull -j 1 -r 2
	got
	[ "$(grep -c ' 206 ' state/log)" -ge 6 ]
}

@test "a download continues in a new process, which verifies the earlier part" {
	mode "cut 1 GET 1000000"
	run -1 pull -j 1 -r 0
	[ "$(stat -c %s "in/blob.$BIG")" = 1000000 ]
	[ "$(ocipack --list in)" = "" ]
	mode
	pull
	got
	grep -q "^GET .*$BIG 206 .* bytes=1000000-$" state/log
	# The whole blob was there: it is not requested.
	rm -rf in/blobs/sha256/*
	cp "$(blob lay "$BIG")" "in/blob.$BIG"
	: > state/log
	pull
	got
	run -1 grep -q "$BIG" state/log
	# Something else was there: the whole blob is downloaded.
	rm -rf in/blobs/sha256/*
	head -c 1000 /dev/zero > "in/blob.$BIG"
	pull
	got
	# The same for something longer.
	rm -rf in/blobs/sha256/*
	head -c 4000000 /dev/zero > "in/blob.$BIG"
	pull
	got
}

@test "kill -9 of regpull: the next one continues" {
	mode "stall 1 GET 2000000"
	regpull --tls-verify=false -j 1 "$R/a/b:t" in 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 10 sh -c "[ \$(stat -c %s in/blob.$BIG) = 2000000 ]"
	kill -9 "$pid"
	wait "$pid" || true
	pull
	got
	grep -q "^GET .*$BIG 206 .* bytes=2000000-$" state/log
}

@test "two processes at the same time do not disturb each other" {
	mode "stall 1 GET 2000000"
	regpull --tls-verify=false -j 1 --stall 2 "$R/a/b:t" in > first 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 10 sh -c "[ \$(stat -c %s in/blob.$BIG) = 2000000 ]"
	pull
	wait "$pid"
	got
}

@test "registries that ignore ranges or send others" {
	local kind
	for kind in norange shifted; do
		rm -rf in
		mode "cut 1 GET 1000000" "$kind"
		pull -j 1
		got
	done
}

@test "HTTP/1.0, where a broken connection looks like the end" {
	mode http10 "cut 1 GET 1000000"
	pull -j 1
	got
}

@test "a redirection to another host gets no credentials" {
	login
	mode "auth bearer" "away GET http://localhost:$PORT"
	pull
	got
	grep -q '^GET .* 307 127.* Bearer ' state/log
	[ "$(awk '$4 ~ /^localhost/ { print $5 }' state/log | sort -u)" = - ]
}

@test "tokens that expire during a pull, 500s, 429 and a stall" {
	login
	mode "auth bearer" "uses 2" "fail 2 GET blobs 500" "fail 1 GET blobs 429 1" "stall 1 GET 5000"
	pull --stall 1
	got
}

@test "wrong contents, and a wrong digest in the answer: an error, and nothing is tagged" {
	mode corrupt
	run -1 pull
	[[ ${#lines[@]} == 1 && $output == "regpull: sha256:"*": its digest is sha256:"* ]]
	[ "$(ocipack --list in)" = "" ]
	[ "$(ls in/blobs/sha256)" = "${M#sha256:}" ]
	mode digest
	run -1 pull
	[[ $output == "regpull: $R/a/b:t: the registry says that its digest is sha256:aaa"* ]]
	mode
	echo '{"schemaVersion":2}' > m
	printf 'application/vnd.oci.image.manifest.v1+json\n%s' "$(cat m)" > "state/repos/a/b/manifests/$M"
	run -1 regpull --tls-verify=false "$R/a/b@$M" in:y
	[[ $output == "regpull: $R/a/b@$M: its digest is sha256:"* ]]
	cp "state/repos/a/b/manifests/$M" state/repos/a/b/manifests/t
	run -1 pull
	[ "$output" = "regpull: $R/a/b:t: no array \"layers\"" ]
}

@test "a blob that is longer or shorter than its manifest says" {
	head -c 1000 "$(blob lay "$BIG")" > "state/blobs/$BIG"
	run -1 pull -r 1
	[[ $output == "regpull: sha256:$BIG: "* ]]
	cat "$(blob lay "$BIG")" "$(blob lay "$BIG")" > "state/blobs/$BIG"
	rm -rf in
	run -1 pull -r 1
	[ "$output" = "regpull: sha256:$BIG: more than its $SIZE bytes" ]
	rm "state/repos/a/b/blobs/$BIG"
	# Without what was received before, which may be the whole blob.
	rm -rf in
	run -1 pull
	[ "$output" = "regpull: sha256:$BIG: status 404 (BLOB_UNKNOWN)" ]
}

@test "no such image; a directory that is not a layout" {
	run -1 regpull --tls-verify=false "$R/a/b:nope" in
	[ "$output" = "regpull: $R/a/b:nope: status 404 (MANIFEST_UNKNOWN)" ]
	mkdir full
	: > full/file
	run -1 regpull --tls-verify=false "$R/a/b:t" full
	[ "$output" = "regpull: full: neither empty nor an OCI layout" ]
}

@test "a full disk: one line and exit 1; with more room the pull continues" {
	[ "$(id -u)" = 0 ] || skip "needs root for a tmpfs"
	mkdir small_disk
	mount -t tmpfs -o size=2m none small_disk
	run -1 regpull --tls-verify=false -j 1 "$R/a/b:t" small_disk
	[[ ${#lines[@]} == 1 && $output == "regpull: sha256:$BIG: small_disk/blob.$BIG: No space left on device" ]]
	mount -o remount,size=8m small_disk
	regpull --tls-verify=false "$R/a/b:t" small_disk
	grep -q "$BIG 206 " state/log
	diff -r lay/blobs small_disk/blobs
	umount small_disk
	rmdir small_disk
}

@test "an index is pulled with all of its platforms" {
	several multi
	regpush --tls-verify=false multi "$R/multi:1"
	run -0 regpull --tls-verify=false "$R/multi:1" in
	[ "$output" = "sha256:$INDEX" ]
	diff -r multi/blobs in/blobs
	jq -e '.manifests[0].mediaType == "application/vnd.oci.image.index.v1+json"' in/index.json
}

@test "after SIGINT only the received part remains" {
	mode "stall 1 GET 2000000"
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' regpull --tls-verify=false -j 1 "$R/a/b:t" in 3>&- &
	local pid=$! code=0
	keep_pid "$pid"
	wait_for 10 sh -c "[ \$(stat -c %s in/blob.$BIG) = 2000000 ]"
	kill -INT "$pid"
	wait "$pid" || code=$?
	[ "$code" = 130 ]
	[ "$(cd in && echo *)" = "blob.$BIG blobs index.json oci-layout" ]
	pull
	got
}

@test "a timeout ends with 124" {
	mode "stall 9 GET 1000000"
	run -124 pull -t 1
	[[ ${#lines[@]} == 1 && $output == "regpull: timed out" ]]
}

@test "progress is shown on a terminal only" {
	mode "stall 1 GET 1000000"
	script -qec "regpull -j 1 --stall 1 --tls-verify=false $R/a/b:t in" typescript > /dev/null
	grep -q "$R/a/b:t: 1.0 of 2.9 MiB (3[0-9]%)" typescript
	got
}

@test "bad options and operands are reported" {
	refuses regpull "two operands*" "$R/a/b:t"
	refuses regpull "'x' is not REGISTRY/REPOSITORY" x in
	refuses regpull "'sha256:12' is not a digest*" h/a@sha256:12 in:t
	refuses regpull "'-t' is not a valid tag" h/a in:-t
	refuses regpull "--disk cannot be combined with --disk-windows or --no-layers" --disk d --no-layers h/a
	refuses regpull "--disk cannot be combined with --disk-windows or --no-layers" --disk d --disk-windows h/a
	refuses regpull "--disk-windows cannot be combined with --no-layers" --disk-windows --no-layers h/a in
	refuses regpull "the name of the layout's directory is empty" h/a :t
	[ ! -e in ]
}

@test "docker-registry: images of skopeo and of ocipack, byte for byte" {
	docker_registry
	skopeo copy -q --dest-tls-verify=false oci:lay:x "docker://$R/made:1"
	skopeo copy -q --src-tls-verify=false "docker://$R/made:1" oci:want:1
	regpull --tls-verify=false "$R/made:1" made
	diff -r want/blobs made/blobs
	regpush --tls-verify=false lay:x "$R/a/b:t"
	pull
	got
	# The same in docker's own format.
	skopeo copy -q --format v2s2 --dest-tls-verify=false oci:lay:x "docker://$R/v2s2:1"
	run -0 regpull --tls-verify=false "$R/v2s2:1" in
	[ "$output" = "$(skopeo inspect --tls-verify=false "docker://$R/v2s2:1" | jq -r .Digest)" ]
	regpush --tls-verify=false in:1 "$R/v2s2:2"
	[ "$output" = "$(skopeo inspect --tls-verify=false "docker://$R/v2s2:2" | jq -r .Digest)" ]
}

@test "docker-registry is killed during a pull and restarted: the pull continues" {
	noise 300000000 > huge
	ocipack -t x --compress none --file huge=huge lay
	docker_registry
	regpush --tls-verify=false lay:x "$R/a/b:t"
	regpull --tls-verify=false -r 20 "$R/a/b:t" in 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 20 sh -c '[ "$(find in -name "blob.*" -size +1M | wc -l)" -gt 0 ]'
	kill -9 "$REGISTRY_PID"
	docker_registry again
	wait "$pid"
	cmp "$(blob lay "$(layer lay 0)")" "$(blob in "$(layer lay 0)")"
}
