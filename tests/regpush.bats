# regpush, with a registry that misbehaves (tests/lib/registry.pl) and with docker-registry.
load lib/common
load lib/registry

setup() {
	registry_setup
	registry_layout
}

teardown() {
	end_kept
	if mountpoint -q "$BATS_TEST_TMPDIR/registry"; then
		umount -l "$BATS_TEST_TMPDIR/registry"
	fi
}

# push [OPTION...]: push lay to $R/a/b:t.
push() { regpush --tls-verify=false "$@" lay:x "$R/a/b:t"; }

# got: does the test registry have the image, byte for byte?
got() {
	local f
	for f in "$BIG" "$SMALL"; do
		cmp "$(blob lay "$f")" "state/blobs/$f" || return 1
	done
	tail -n +2 "state/repos/a/b/manifests/t" | cmp - "$(blob lay "${M#sha256:}")"
}

@test "a push prints only the digest; a second one requests only the tag" {
	run -0 push
	[ "$output" = "$M" ]
	got
	[ "$(grep -c ' 40[0-9] ' state/log)" = 4 ]
	[ "$(awk '$1 == "PUT" && /blobs/' state/log | wc -l)" = 3 ]
	[ "$(tail -1 state/log | cut -d' ' -f1,2,3)" = "PUT /v2/a/b/manifests/t 201" ]
	: > state/log
	run -0 push
	[ "$output" = "$M" ]
	[ "$(asked)" = "GET 200" ]
}

@test "parts of the image that the tag names are neither checked nor sent; others are checked" {
	push
	echo more > added
	ocipack -t x --from x --file added=added lay
	: > state/log
	push
	# Only the new layer and the new configuration.
	[ "$(awk '/blobs\/sha256/ { print $1, $3 }' state/log | sort | uniq -c | xargs)" = "2 HEAD 404" ]
	[ "$(grep -c "^PUT .*blobs" state/log)" = 2 ]
	: > state/log
	regpush --tls-verify=false lay:x "$R/a/b:other"
	[ "$(awk '/blobs/ { print $1, $3 }' state/log | sort | uniq -c | xargs)" = "4 HEAD 200" ]
}

@test "a part of the tagged image that the registry has lost is sent again" {
	push
	rm "state/repos/a/b/blobs/$SMALL"
	ocipack -t x --from x --env A=1 lay
	run -0 push -v
	[[ $output == *"MANIFEST_BLOB_UNKNOWN"*"checking all blobs"* ]]
	[ -e "state/repos/a/b/blobs/$SMALL" ]
}

@test "--dry-run prints what would be sent, and sends nothing" {
	run -0 push -n
	[ "${lines[0]}" = "sha256:$BIG $SIZE application/vnd.oci.image.layer.v1.tar" ]
	[ "${#lines[@]}" = 4 ]
	[[ ${lines[3]} == "$M "*"manifest.v1+json" ]]
	run -1 grep -vE '^(GET|HEAD) ' state/log
	push
	run -0 push -n
	[ -z "$output" ]
}

@test "blobs are mounted from another repository; if the answer is 202 they are uploaded" {
	push
	: > state/log
	run -0 regpush -v --tls-verify=false --mount-from a/b lay:x "$R/c:t"
	[ "$(grep -c ': mounted$' <<< "$output")" = 3 ]
	run -1 grep -q '^PUT .*blobs' state/log
	mode nomount
	run -0 regpush -v --tls-verify=false --mount-from a/b lay:x "$R/d:t"
	[ "$(grep -c ': sent$' <<< "$output")" = 3 ]
	cmp "$(blob lay "$BIG")" "state/blobs/$BIG"
}

@test "relative Locations; HTTP/1.0" {
	mode relative
	push
	got
	mode http10 relative
	regpush --tls-verify=false lay:x "$R/e:t"
	[ -e state/repos/e/manifests/t ]
}

@test "an upload that is cut at byte k continues there" {
	local k
	for k in 1 65536 1000000 $((SIZE - 1)); do
		forget
		: > state/log
		mode "cut 1 PUT $k"
		push -j 1
		got
		# The range 0-0 may mean no byte.
		[ "$k" = 1 ] || grep -q "^PATCH .* $k-$((SIZE - 1))$" state/log
		[ "$k" != 1 ] || [ "$(grep -c ^PATCH state/log)" = 0 ]
	done
}

@test "an upload that is cut repeatedly continues each time" {
	mode "cut 1 PUT 200000" "cut 6 PATCH 300000"
	push -j 1 -r 2
	got
	[ "$(grep -c '^PATCH .* 0 ' state/log)" = 6 ]
}

@test "an upload continues in a new process; its session file is private" {
	mode "cut 1 PUT 1000000" "fail 99 GET uploads 500"
	run -1 push -j 1 -r 0
	[ "$(stat -c %a cache/kubestamp/uploads/*)" = 600 ]
	mode
	push
	got
	grep -q "^PATCH .* 1000000-$((SIZE - 1))$" state/log
	[ -z "$(ls cache/kubestamp/uploads)" ]
	# Old session files are removed.
	touch -d '8 days ago' cache/kubestamp/uploads/old
	touch -d '6 days ago' cache/kubestamp/uploads/new
	push
	[ "$(ls cache/kubestamp/uploads)" = new ]
}

@test "kill -9 of regpush during an upload: the next one continues it" {
	mode "stall 1 PUT 2000000"
	regpush --tls-verify=false -j 1 lay:x "$R/a/b:t" 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 10 grep -q ' 0 ' state/log
	kill -9 "$pid"
	wait "$pid" || true
	push
	got
	grep -q "^PATCH .* 2000000-$((SIZE - 1))$" state/log
}

@test "an upload session that is gone or has another offset is replaced" {
	mode "cut 1 PUT 1000000" "fail 1 GET uploads 404"
	push -j 1
	got
	forget
	mode "fail 1 PUT uploads 404" "fail 1 PUT uploads 416"
	push -j 1
	got
	forget
	mode "cut 1 PUT 1000000" "fail 1 PATCH uploads 416"
	push -j 1
	got
	forget
	mode "fail 99 PUT uploads 404"
	run -1 push -j 1 -r 2
	[[ $output == "regpush: sha256:"*": status 404 (UNKNOWN)" ]]
}

@test "the answer to an upload is lost: the blob is not sent again" {
	mode "fail 1 PUT blobs 500"
	push -j 1 -v
	got
}

@test "500s: as many attempts as requested, with pauses" {
	mode "fail 2 HEAD blobs 500" "fail 1 POST uploads 503" "fail 1 PUT manifests 502"
	run -0 push -v -r 3
	[ "$(grep -c 'retrying in' <<< "$output")" = 4 ]
	got
	forget
	mode "fail 99 HEAD blobs 500"
	run -1 push -r 1 -j 1
	[ "${#lines[@]}" = 1 ]
	[[ $output == "regpush: sha256:"*": status 500" ]]
}

@test "429: fewer connections, and Retry-After is honoured" {
	local start=${EPOCHREALTIME/./}
	mode "fail 1 HEAD blobs 429 1"
	run -0 push -v
	[ $((${EPOCHREALTIME/./} - start)) -ge 1000000 ]
	[[ $output == *"2 connections from now on"* ]]
	got
}

@test "a stalled upload is aborted and continued; a timeout ends with 124" {
	mode "stall 1 PUT 1000000"
	push -j 1 --stall 1
	got
	forget
	mode "stall 9 PUT 1000000" "stall 9 PATCH 1000"
	run -124 push -j 1 -t 2 --stall 60
	[ "${#lines[@]}" = 1 ]
	[[ $output == "regpush: "*"timed out" ]]
}

@test "Bearer tokens: 401 twice, and tokens that expire during a push" {
	login
	mode "auth bearer"
	push
	got
	grep -q '^GET /token?service=the%20%22registry%22&scope=repository%3Aa%2Fb%3Apull%2Cpush 200 .* Basic -$' state/log
	[ "$(grep -c /token state/log)" = 1 ]
	forget
	mode "auth bearer" "uses 3"
	push
	got
	[ "$(grep -c /token state/log)" -gt 3 ]
	forget
	mode "auth bearer" "fail 2 HEAD blobs 401"
	push
	got
	forget
	mode "auth bearer" "life 1"
	push
	got
}

@test "anonymous tokens; identity tokens" {
	mode "auth bearer" anonymous
	push
	got
	forget
	echo "{\"auths\": {\"$R\": {\"identitytoken\": \"identity\"}}}" > auth.json
	mode "auth bearer"
	push --authfile auth.json
	got
	grep -q '^POST /token 200' state/log
}

@test "Basic: credentials from every file, in their order" {
	mode "auth basic"
	run -1 push
	[ "$output" = "regpush: $R/a/b:t: login required, but no credentials found for $R" ]
	mkdir -p run/containers home/.config/containers home/.docker docker other
	entry user:secret > other/a.json
	push -n --authfile other/a.json
	REGISTRY_AUTH_FILE=other/a.json push -n
	for f in run/containers/auth.json home/.config/containers/auth.json docker/config.json; do
		entry user:secret > "$f"
		XDG_RUNTIME_DIR=run DOCKER_CONFIG=docker push -n
		entry user:wrong > "$f"
		run -1 env XDG_RUNTIME_DIR=run DOCKER_CONFIG=docker regpush --tls-verify=false lay:x "$R/a/b:t"
		[ "$output" = "regpush: $R/a/b:t: the registry refused the user or password (from $(readlink -f .)/$f)" ] ||
			[ "$output" = "regpush: $R/a/b:t: the registry refused the user or password (from $f)" ]
		rm "$f"
	done
	entry user:secret > home/.docker/config.json
	mode "auth basic" "fail 2 HEAD blobs 401"
	push
	got
	# The more specific entry takes precedence.
	echo "{\"auths\": {\"$R\": {\"auth\": \"$(printf user:wrong | base64)\"}, \"$R/a\": {\"auth\": \"$(printf user:secret | base64)\"}}}" > a.json
	push -n --authfile a.json
	run -1 regpush -n --tls-verify=false --authfile a.json lay:x "$R/c/d:t"
}

@test "credential helpers read the name from their input; a helper's error is an error" {
	mode "auth basic"
	mkdir bin
	helper() { printf '#!/bin/sh\necho "$@" > said; cat >> said; %s\n' "$1" > bin/docker-credential-test; }
	helper 'echo "{\"Username\": \"user\", \"Secret\": \"secret\"}"'
	chmod +x bin/docker-credential-test
	PATH=$PWD/bin:$PATH
	echo "{\"credHelpers\": {\"$R\": \"test\"}}" > a.json
	push --authfile a.json
	got
	[ "$(xargs < said)" = "get $R" ]
	echo '{"auths": {}, "credsStore": "test"}' > a.json
	push -n --authfile a.json
	helper 'echo credentials not found in native keychain; exit 1'
	run -1 push --authfile a.json
	[[ $output == *"no credentials found for $R" ]]
	helper 'echo no secret for you; exit 1'
	run -1 push --authfile a.json
	[ "$output" = "regpush: $R/a/b:t: docker-credential-test: it failed" ]
	echo '{"credsStore": "../x"}' > a.json
	run -1 push --authfile a.json
	[ "$output" = "regpush: $R/a/b:t: a.json: bad name of a credential helper" ]
}

@test "no credentials are sent to another host: redirections, and Locations of sessions" {
	login
	mode "auth basic" "away PUT http://localhost:$PORT"
	push
	got
	grep -q '^PUT .* 307 127.* Basic ' state/log
	[ "$(awk '$4 ~ /^localhost/ { print $5 }' state/log | sort -u)" = - ]
	forget
	mode "auth basic" "there ALL http://localhost:$PORT"
	: > state/log
	push
	got
	grep -q '^PUT /v2/a/b/blobs.* 201 localhost.* - ' state/log
	[ "$(awk '$4 ~ /^localhost/ { print $5 }' state/log | sort -u)" = - ]
}

@test "a registry of this machine itself is not asked through a proxy; another one is" {
	export http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1
	push
	got
	run -1 regpush -r 0 lay:x registry.invalid/a/b:t
	[[ $output == *"127.0.0.1 port 1"* ]]
}

@test "the number of redirections is limited" {
	mode "away HEAD http://127.0.0.1:$PORT"
	run -1 push
	[[ $output == *"too many redirections" ]]
}

@test "no password, token or session is in any output" {
	local kind
	login
	for kind in "fail 99 PUT uploads 403" "fail 99 GET uploads 500" "fail 99 POST uploads 401" "digest"; do
		mode "auth bearer" "cut 1 PUT 1000" "$kind"
		# Else the session of the last push is continued, if it was stored before that push ended, and none is begun.
		rm -rf cache
		run push -v -r 1
		[ "$status" = 1 ]
		[[ $output != *secret* && $output != *hidden* && $output != *shown* && $output != *T[0-9][0-9][0-9]* ]]
		[[ $output != *"$(printf user:secret | base64)"* ]]
	done
	entry user:wr0ng > home/.docker/config.json
	mode "auth bearer"
	run -1 push -v
	[ "$output" = "regpush: token: the registry refused the user or password (from $PWD/home/.docker/config.json)" ]
}

@test "a wrong digest in an answer is an error" {
	mode digest
	run -1 push
	[[ $output == "regpush: "*": the registry says that its digest is sha256:aaaa"* ]]
}

@test "an invalid layout, or a missing image or blob" {
	run -1 regpush --tls-verify=false lay:y "$R/a/b:t"
	[ "$output" = "regpush: lay: no image 'y'" ]
	run -1 regpush --tls-verify=false nowhere "$R/a/b:t"
	[ "$output" = "regpush: nowhere: No such file or directory" ]
	tr a-y b-z < "$(blob lay "$SMALL")" > x
	cp x "$(blob lay "$SMALL")"
	run -1 push
	[ "$output" = "regpush: sha256:$SMALL: its contents do not match its digest: status 400 (DIGEST_INVALID)" ]
	echo >> "$(blob lay "$SMALL")"
	run -1 push
	[[ $output == *"its size is not that in the manifest" ]]
	rm "$(blob lay "$SMALL")"
	run -1 push
	[ "$output" = "regpush: sha256:$SMALL: neither in lay nor in the registry" ]
	[ ! -e state/repos/a/b/manifests/t ]
	ocipack -t y --from x lay || ocipack -t y --file small=y lay
	run -1 regpush --tls-verify=false lay "$R/a/b:t"
	[ "$output" = "regpush: lay: it has 2 images; choose one with LAYOUT:TAG" ]
}

@test "an index of several platforms is pushed after all that it names" {
	several multi
	run -0 regpush --tls-verify=false multi "$R/multi:1"
	[ "$output" = "sha256:$INDEX" ]
	tail -n +2 state/repos/multi/manifests/1 | cmp - "multi/blobs/sha256/$INDEX"
	[ "$(grep -c '^PUT /v2/multi/manifests/sha256:.* 201' state/log)" = 2 ]
	[[ $(tail -1 state/log) == "PUT /v2/multi/manifests/1 201 "* ]]
	: > state/log
	regpush --tls-verify=false multi "$R/multi:1"
	[ "$(asked)" = "GET 200" ]
}

@test "a manifest of 4 MiB" {
	ocipack -t long --file small=small --annotation "k=$(head -c 120000 big)" lay
	M=$(ocipack --list lay | awk '$1 == "long" { print $2 }')
	# An argument is limited to 128 KiB.
	perl -MJSON::PP -0e '$j = JSON::PP->new->canonical; $m = $j->decode(<STDIN>);
		$m->{annotations}{"k$_"} = "x" x 100_000 for 1 .. 40; print $j->encode($m)' < "$(blob lay "${M#sha256:}")" > m
	[ "$(stat -c %s m)" -gt 4100000 ]
	M=$(sha256sum m | cut -d' ' -f1)
	cp m "lay/blobs/sha256/$M"
	sed -i -E 's/"sha256:[0-9a-f]{64}","mediaType":"[^"]*","size":[0-9]*/"sha256:'"$M"'","mediaType":"application\/vnd.oci.image.manifest.v1+json","size":'"$(stat -c %s m)"'/2' lay/index.json
	run -0 regpush --tls-verify=false lay:long "$R/long:1"
	tail -n +2 state/repos/long/manifests/1 | cmp - m
	run -0 regpush --tls-verify=false lay:long "$R/long:1"
	regpull --tls-verify=false "$R/long:1" in
	cmp m "in/blobs/sha256/$M"
}

@test "progress is shown on a terminal only" {
	mode "stall 1 PUT 1000000"
	script -qec "regpush -j 1 --stall 1 --tls-verify=false lay:x $R/a/b:t" typescript > /dev/null
	grep -q "$R/a/b:t: [0-9.]* of 2.9 MiB ([0-9]*%), [0-9.]* MiB/s" typescript
	got
}

@test "bad options and operands are reported" {
	refuses regpush "two operands*" lay
	refuses regpush "'x' is not REGISTRY/REPOSITORY" lay x
	refuses regpush "'h/' is not*" lay h/ || refuses regpush "'' is not a repository*" lay h/
	refuses regpush "'A' is not a repository*" lay h/A
	refuses regpush "'-x' is not a tag" lay h/a:-x
	refuses regpush "'h/a@sha256:$BIG': cannot push to a digest" lay "h/a@sha256:$BIG"
	refuses regpush "'h:99999' is not a registry*" lay h:99999/a
	refuses regpush "'u@h' is not a registry*" lay u@h/a
	refuses regpush "number of jobs '0'*" -j 0 lay h/a
	refuses regpush "tls-verify: 'no'*" --tls-verify=no lay h/a
	refuses regpush "'A b' is not a repository" --mount-from 'A b' lay h/a
	[ ! -e state/log ]
}

@test "unknown host, connection refused, no https: one line each" {
	run -1 regpush lay:x no-such-host.invalid/a:t
	[ "$output" = "regpush: no-such-host.invalid/a:t: Could not resolve host: no-such-host.invalid" ]
	run -1 regpush -r 1 lay:x "127.0.0.1:$(free_port)/a:t"
	[[ ${#lines[@]} == 1 && $output == *"Failed to connect"* ]]
	run -1 regpush lay:x "$R/a:t"
	[ "${#lines[@]}" = 1 ]
}

@test "docker-registry: images of ocipack and of skopeo, byte for byte" {
	docker_registry
	push
	take_back "docker://$R/a/b:t" oci:back:x
	diff -r lay/blobs back/blobs
	skopeo copy -q --dest-oci-accept-uncompressed-layers oci:lay:x oci:made:z
	regpush --tls-verify=false made "$R/made:1"
	take_back "docker://$R/made:1" oci:again:z
	diff -r made/blobs again/blobs
	several multi
	regpush --tls-verify=false multi "$R/multi:1"
	take_back "docker://$R/multi:1" oci:mback:1 --all
	diff -r multi/blobs mback/blobs
	run -0 regpush -v --tls-verify=false --mount-from a/b lay:x "$R/m:1"
	[ "$(grep -c ': mounted$' <<< "$output")" = 3 ]
}

@test "docker-registry with TLS and a login: not trusted, trusted, wrong password" {
	make_certificate
	docker_registry tls login
	login
	run -1 regpush lay:x "$R/a/b:t"
	[[ ${#lines[@]} == 1 && $output == *"$R/a/b:t: SSL certificate problem: "* ]]
	run -0 regpush --cert-dir certs lay:x "$R/a/b:t"
	[ "$output" = "$M" ]
	mkdir -p "home/.config/containers/certs.d"
	cp -r certs "home/.config/containers/certs.d/$R"
	regpush lay:x "$R/a/b:t"
	rm -r home/.config
	push
	entry user:wr0ng > home/.docker/config.json
	run -1 regpush --cert-dir certs lay:x "$R/a/b:t"
	[ "$output" = "regpush: $R/a/b:t: the registry refused the user or password (from $PWD/home/.docker/config.json)" ]
}

@test "docker-registry that requires a client certificate" {
	make_certificate
	make_client_certificate
	docker_registry clients
	run -1 regpush -r 0 --cert-dir certs lay:x "$R/a/b:t"
	[ "${#lines[@]}" = 1 ]
	cp client.cert client.key certs
	run -0 regpush --cert-dir certs lay:x "$R/a/b:t"
	[ "$output" = "$M" ]
	rm certs/client.key
	run -1 regpush --cert-dir certs lay:x "$R/a/b:t"
	[ "$output" = "regpush: certs/client.key: No such file or directory" ]
}

@test "docker-registry on a full disk: one line and exit 1" {
	[ "$(id -u)" = 0 ] || skip "needs root for a tmpfs"
	mkdir registry
	mount -t tmpfs -o size=2m none registry
	docker_registry
	run -1 push -r 1
	[ "${#lines[@]}" = 1 ]
	# It may close the connection before its answer is read.
	[[ $output == "regpush: sha256:"* ]]
}

@test "memory does not grow with the image, nor with its manifest" {
	[[ $BIN != */san/bin ]] || skip "sanitizers use too much memory"
	noise 100000000 > huge
	ocipack -t y --compress none --file huge=1 --file big=2 --file small=3 lay
	docker_registry
	(ulimit -d 65536 && regpush --tls-verify=false lay:y "$R/a/b:y")
	(ulimit -d 65536 && regpull --tls-verify=false "$R/a/b:y" in)
	local args=() i
	for i in {1..300}; do
		echo "$i" > "f$i"
		args+=(--file "f$i=f$i")
	done
	ocipack -t z --compress none "${args[@]}" many
	(ulimit -d 65536 && regpush --tls-verify=false many "$R/a/b:z")
	(ulimit -d 65536 && regpull --tls-verify=false "$R/a/b:z" in)
}

@test "docker-registry is killed during a push and restarted: the push succeeds" {
	noise 200000000 > huge
	ocipack -t x --compress none --file huge=huge lay
	docker_registry
	regpush --tls-verify=false -r 20 lay:x "$R/a/b:t" 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 20 sh -c '[ "$(find registry -name data -size +1M | wc -l)" -gt 0 ]'
	kill -9 "$REGISTRY_PID"
	docker_registry again
	wait "$pid"
	take_back "docker://$R/a/b:t" oci:back:x
	local m
	m=$(ocipack --list lay | awk '$1 == "x" { print $2 }')
	cmp "lay/blobs/sha256/${m#sha256:}" "back/blobs/sha256/${m#sha256:}"
}

@test "docker-registry, and regpush is killed during a push: the next one succeeds" {
	noise 200000000 > huge
	ocipack -t x --compress none --file huge=huge lay
	docker_registry
	regpush --tls-verify=false lay:x "$R/a/b:t" 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 20 sh -c '[ "$(find registry -name data -size +1M | wc -l)" -gt 0 ]'
	kill -9 "$pid" || true
	wait "$pid" || true
	push
	take_back "docker://$R/a/b:t" oci:back:x
}
