# make publish, publish-all and cluster-up IMAGE=, with docker-registry and small images made by hand.
load lib/common
load lib/registry
load lib/publish

@test "the first time everything is sent, then only tags, with both publishers" {
	local by today
	docker_registry
	made one
	today=$(date -u +%Y%m%d)
	for by in skopeo regpush; do
		R=${R%%/*}
		run -0 publish REGISTRY="$R/$by" PUBLISHER=$by TAG=stable
		[ "${lines[-1]}" = "$R/$by/one@$(digest "$LAY")" ]
		[ "$(value manifest)" = "$(digest "$LAY")" ]
		[ "$(value registry)/$(value repository)" = "$R/$by/one" ]
		[ "$(value key)" = "$KEY" ]
		[ "$(value publisher)" = "$by" ]
		[ "$(value sent)" -gt 1500000 ]
		[ "$(value 'tags | join(" ")')" = "1.20.2 1.20.2-$today stable latest key-$KEY" ]
		[ $(($(date +%s) - $(date -d "$(value time)" +%s))) -lt 60 ]
		for tag in latest 1.20.2 "1.20.2-$today" stable "key-$KEY"; do
			skopeo inspect --raw --tls-verify=false "docker://$R/$by/one:$tag" | cmp - "$LAY/blobs/sha256/$(digest "$LAY" | cut -d: -f2)"
		done
		[ "$(value config)" = "sha256:$(skopeo inspect --raw --config "oci:$LAY" | sha256sum | cut -d' ' -f1)" ]
	done
	no_layer "$LAY"
	for by in skopeo regpush; do
		run -0 publish REGISTRY="$R/$by" PUBLISHER=$by TAG='later more'
		[[ $output == *"tags only"* ]]
		[ "$(value sent)" = 0 ]
		[ "$(value manifest)" = "$(digest "$LAY")" ]
		skopeo inspect --raw --tls-verify=false "docker://$R/$by/one:more" | cmp - "$LAY/blobs/sha256/$(digest "$LAY" | cut -d: -f2)"
	done
}

@test "the registry has an image of the key from another build: this image gets the tags, ours is not sent" {
	local by theirs
	docker_registry
	made one
	# The same key with other bytes: a disk to which a machine has written is never the same twice.
	ocipack -t x --compress none --file "$LAY/index.json=other" --label org.kubestamp.key="$KEY" theirs
	theirs=$(digest theirs)
	for by in skopeo regpush; do
		regpush --tls-verify=false theirs "$R/$by/one:key-$KEY"
		run -0 publish REGISTRY="$R/$by" PUBLISHER=$by
		[ "${lines[-1]}" = "$R/$by/one@$theirs" ]
		[ "$(value manifest)" = "$theirs" ]
		[ "$(value config)" = "sha256:$(skopeo inspect --raw --config oci:theirs | sha256sum | cut -d' ' -f1)" ]
		[ "$(skopeo inspect --raw --tls-verify=false "docker://$R/$by/one:latest" | sha256sum | cut -d' ' -f1)" = "${theirs#sha256:}" ]
	done
}

@test "the registry has the image under another tag: its layers are not sent again" {
	docker_registry
	made one
	regpush --tls-verify=false "$LAY" "$R/team/one:elsewhere"
	no_layer "$LAY"
	publish PUBLISHER=regpush
	[ "$(value sent)" -lt 3000 ]
	[ "$(remote latest)" = "$(digest "$LAY")" ]
	[ "$(remote "key-$KEY")" = "$(digest "$LAY")" ]
}

@test "blobs that the registry has lost are sent again" {
	local lost
	docker_registry
	made one
	publish
	lost=$(find "$LAY/blobs" -size +1000k -printf %f)
	find registry -path "*_layers/sha256/$lost*" -delete
	run -0 publish PUBLISHER=regpush TAG=again
	curl -sf -o /dev/null --head "http://$R/v2/team/one/blobs/sha256:$lost"
	[ "$(remote again)" = "$(digest "$LAY")" ]
}

@test "a key's tag on an image of another key is not trusted" {
	docker_registry
	made one
	ocipack -t x --file noise=f --label org.kubestamp.key=0000000000000000 other
	regpush --tls-verify=false other "$R/team/one:key-$KEY"
	publish
	[ "$(remote "key-$KEY")" = "$(digest "$LAY")" ]
	[ "$(remote latest)" = "$(digest "$LAY")" ]
}

@test "a provider without Kubernetes is tagged with the date alone" {
	docker_registry
	made one
	ocipack -t localhost/kubestamp/one:latest --file noise=f --label "org.kubestamp.key=$KEY" new
	rm -r "$LAY"
	mv new "$LAY"
	publish
	[ "$(value 'tags | join(" ")')" = "$(date -u +%Y%m%d) latest key-$KEY" ]
}

@test "a login: right, wrong, none; no password is in any output" {
	local by
	docker_registry login
	made one
	for by in skopeo regpush; do
		run ! publish PUBLISHER=$by
		[ "$(grep -c '^error: ' <<< "$output")" = 1 ]
		entry user:wr0ng > auth.json
		run ! publish PUBLISHER=$by AUTHFILE="$PWD/auth.json"
		[ "$(grep -c "^error: $R/team/one: " <<< "$output")" = 1 ]
		[[ $output != *wr0ng* && $output != *"$(printf user:wr0ng | base64)"* ]]
		run ! grep -e wr0ng -e "$(printf user:wr0ng | base64)" "$OWN/one/publish.log"
		[ ! -e "$OWN/one/published.json" ]
		entry user:secret > auth.json
		run -0 publish PUBLISHER=$by AUTHFILE="$PWD/auth.json"
		[[ $output != *secret* ]]
		[ "$(value publisher)" = "$by" ]
		rm "$OWN/one/published.json"
	done
	login
	publish
}

@test "https requires the registry's authority" {
	local by
	make_certificate
	docker_registry tls
	made one
	for by in skopeo regpush; do
		run ! publish PUBLISHER=$by TLS_VERIFY=
		[[ $output == *"error: $R/team/one: "*certificate* ]]
		[ "$(grep -c '^error: ' <<< "$output")" = 1 ]
		publish PUBLISHER=$by TLS_VERIFY=true CERT_DIR="$PWD/certs"
		[ "$(value publisher)" = "$by" ]
	done
}

@test "connection refused, no such host: one line, and published.json is unchanged" {
	local by
	docker_registry
	made one
	publish
	kill "$REGISTRY_PID"
	wait "$REGISTRY_PID" || true
	cp "$OWN/one/published.json" before
	for by in skopeo regpush; do
		run ! publish PUBLISHER=$by
		[ "$(grep -c '^error: ' <<< "$output")" = 1 ]
		[[ $output == *"error: $R/team/one: "*[cC]onnect* ]]
		run ! publish PUBLISHER=$by REGISTRY=no.such.invalid/x
		[[ $output == *"error: no.such.invalid/x/one: "*host* ]]
		cmp before "$OWN/one/published.json"
	done
}

@test "a registry without space: one line" {
	[ "$(id -u)" = 0 ] || skip "only root can mount a small file system"
	mkdir registry
	mount -t tmpfs -o size=1m tmpfs registry || skip "no file system can be mounted here"
	local by
	docker_registry
	made one
	for by in skopeo regpush; do
		run ! publish PUBLISHER=$by
		[ "$(grep -c "^error: $R/team/one: " <<< "$output")" = 1 ]
		[ ! -e "$OWN/one/published.json" ]
	done
	end_kept
	umount -l registry
}

@test "publish-all: providers whose key changed; those of the tests only if they are named" {
	docker_registry
	made one
	made two
	all() { mk publish-all TLS_VERIFY=false REGISTRY="$R/team" "$@"; }
	run -0 all
	[ "$(value repository one) $(value repository two)" = "team/one team/two" ]
	[ ! -e "$OWN/mini" ]
	run -0 all
	[ "$(grep -c "is already published at $R/team/" <<< "$output")" = 2 ]
	run -0 all TAG=extra
	[ "$(value 'tags[2]' one)" = extra ]
	# Another registry, and then another key.
	rm "$OWN/two/published.json"
	run -0 all REGISTRY="$R/other"
	[ "$(value repository one)" = other/one ]
	echo '# changed' >> "$COPY/providers/two/node/setup"
	made two
	run -0 all REGISTRY="$R/other"
	[[ $output == *"one: the key "*" is already published at $R/other/one"* ]]
	[ "$(value key two)" = "$KEY" ]
	made mini
	run -0 all PROVIDER=mini
	[ "$(value repository mini)" = team/mini ]
}

@test "publish-all: if one provider fails, the others are still published" {
	docker_registry
	made one
	made two
	rm "$OWN"/one/image.*/oci/index.json
	run ! mk publish-all TLS_VERIFY=false REGISTRY="$R/team"
	[ "$(value repository two)" = team/two ]
	[ ! -e "$OWN/one/published.json" ]
}

@test "invalid variables: exit 2, one line, and nothing is built" {
	expect() {
		run -2 mk "$@"
		[[ ${lines[0]} == *"$text"* ]]
		[ ! -e "$OWN/one/publish.log" ]
	}
	text="publish: REGISTRY is not set" expect publish PROVIDER=one
	[ "${#lines[@]}" = 1 ]
	text="publish-all: REGISTRY is not set" expect publish-all
	text="REGISTRY must have the form HOST[:PORT]/PATH" expect publish PROVIDER=one REGISTRY=https://a/b
	text="REGISTRY must have the form HOST[:PORT]/PATH" expect publish PROVIDER=one REGISTRY=user:hidden@a/b
	[[ $output != *hidden* ]]
	text="PUBLISHER=x is neither skopeo nor regpush" expect publish PROVIDER=one REGISTRY=a/b PUBLISHER=x
	text="TAG: '-x' is not a valid tag" expect publish PROVIDER=one REGISTRY=a/b TAG='y -x'
	text="TLS_VERIFY=no is neither true nor false" expect publish PROVIDER=one REGISTRY=a/b TLS_VERIFY=no
	text="SIGN_BY: only PUBLISHER=skopeo can sign" expect publish PROVIDER=one REGISTRY=a/b PUBLISHER=regpush SIGN_BY=x
	text="unknown provider 'none'" expect publish PROVIDER=none REGISTRY=a/b
}

@test "signing: with the key of SIGN_BY; a missing key is an error" {
	docker_registry
	made one
	run ! publish SIGN_BY=0123456789ABCDEF
	[ "$(grep -c "^error: $R/team/one: .*[sS]ign" <<< "$output")" = 1 ]
	chmod 700 home/.gnupg
	gpg -q --batch --passphrase '' --quick-generate-key tester@example.invalid ed25519 sign 2> /dev/null || skip "gpg cannot make a key here"
	mkdir -p home/.config/containers/registries.d lookaside
	printf 'docker:\n  %s:\n    lookaside-staging: file://%s\n    sigstore-staging: file://%s\n' "$R" "$PWD/lookaside" "$PWD/lookaside" > home/.config/containers/registries.d/test.yaml
	publish SIGN_BY=tester@example.invalid
	gpgconf --kill gpg-agent
	[ "$(find lookaside -name 'signature-*' | wc -l)" -gt 0 ]
	[ "$(remote latest)" = "$(digest "$LAY")" ]
}

@test "cluster-up IMAGE=: pulled, named by its digest, and started without files of its provider" {
	local first second
	docker_registry
	machine
	made one --tree share=/usr/share/kubestamp/cluster
	publish
	first=$(digest "$LAY")
	rm -rf "${OWN:?}/one"
	run ! up
	[[ $output == *"pulling $R/team/one:latest: done"*"loading the image localhost/kubestamp/pulled:${first:7:16}: done"*"unpacking files of the image: done"* ]]
	[[ $output == *"did not start: network and registry"* ]]
	[ "$(cached)" = "$R/team/one:latest $first" ]
	[ -d "$OWN/one" ]
	podman image exists "localhost/kubestamp/pulled:${first:7:16}"
	[ -e "cache/kubestamp/share/$(skopeo inspect --raw --config "oci:cache/kubestamp/images" | sha256sum | cut -d' ' -f1)/provider.conf" ]
	# The tag is requested again; the image that it still names is not loaded again.
	run ! up
	[[ $output == *"pulling $R/team/one:latest: done"* && $output != *"loading"* ]]
	# An image pinned by its digest remains the same when the tag changes.
	run ! up IMAGE_FROM="$R/team/one@$first"
	[[ $output == *"pulling $R/team/one@$first: done"* ]]
	echo more > share/more
	made one --tree share=/usr/share/kubestamp/cluster
	regpush --tls-verify=false "$LAY" "$R/team/one:latest"
	second=$(digest "$LAY")
	run ! up
	[[ $output == *"loading the image localhost/kubestamp/pulled:${second:7:16}: done"* ]]
	kill "$REGISTRY_PID"
	wait "$REGISTRY_PID" || true
	run ! up IMAGE_FROM="$R/team/one:latest@$first"
	[[ $output != *pulling* && $output != *"cannot reach"* && $output != *loading* ]]
	[[ $output == *"did not start: network and registry"* ]]
	# No connection: the image that the tag named the last time.
	run ! up
	[[ $output == *"cannot reach $R: using $R/team/one:latest as pulled last time, $second"*"unpacking files of the image: done"* ]]
	run ! up IMAGE_FROM="$R/team/one:other"
	[[ $output == *"did not start: pulling $R/team/one:other"* ]]
}

@test "cluster-up IMAGE=: a registry that refuses access is an error" {
	docker_registry login
	machine
	made one --tree share=/usr/share/kubestamp/cluster
	login
	publish
	run ! up
	[[ $output == *"unpacking files of the image: done"* ]]
	entry user:wr0ng > home/.docker/config.json
	run ! up
	[[ $output == *"did not start: pulling $R/team/one:latest"*"the registry refused the user or password"* ]]
	[[ $output != *wr0ng* && $output != *"unpacking files"* ]]
}

@test "cluster-up IMAGE=: another kind of image; an invalid name" {
	docker_registry
	machine
	ocipack -t x --file storage.conf=f other
	regpush --tls-verify=false other "$R/team/other:1"
	run -1 up IMAGE_FROM="$R/team/other:1"
	[[ $output == *"is not an image of a kubestamp provider"* ]]
	local wrong
	for wrong in one user:hidden@h/one "https://$R/team/one" "$R/team/one@sha256:12"; do
		run -2 up IMAGE_FROM="$wrong"
		[[ $output == "error: IMAGE must have the form HOST"* && $output != *hidden* ]]
	done
}

@test "gc: pulled images that have no name any more are removed" {
	local first second
	docker_registry
	machine
	made one --tree share=/usr/share/kubestamp/cluster
	publish
	first=$(digest "$LAY")
	run ! up
	echo more > share/more
	made one --tree share=/usr/share/kubestamp/cluster
	second=$(digest "$LAY")
	regpush --tls-verify=false "$LAY" "$R/team/one:latest"
	run ! up
	podman image exists "localhost/kubestamp/pulled:${first:7:16}"
	# Left by a cluster-up that was killed.
	mkdir cache/kubestamp/images.abc123
	mk gc PROVIDER=one
	[ ! -e cache/kubestamp/images.abc123 ]
	run ! podman image exists "localhost/kubestamp/pulled:${first:7:16}"
	podman image exists "localhost/kubestamp/pulled:${second:7:16}"
	[ "$(cached)" = "$R/team/one:latest $second" ]
	[ ! -e "cache/kubestamp/images/blobs/sha256/${first#sha256:}" ]
	[ -e "cache/kubestamp/images/blobs/sha256/${second#sha256:}" ]
}

@test "gc: programs of Go modules that no module here needs are removed 30 days after their last use" {
	local programs=$PWD/cache/kubestamp/go/programs id name busy
	mkdir -p "$COPY/providers/go/hello-1.0.0" "$programs" cache/kubestamp/go/build
	printf '[module]\npath = example.test/hello\ngo = 1.24.0\nprograms = hello=example.test/hello\n' > "$COPY/providers/go/hello-1.0.0/module.ini"
	id=$(env TOP="$COPY" BIN="$BIN" KS_CACHE=/cache bash -c '. "$TOP/mk/sh/stage/go.sh"; go_id hello-1.0.0')
	for name in "hello-1.0.0.$id" hello-1.0.0.old hello-0.9.0.used hello-0.9.0.busy; do
		mkdir -p "$programs/$name/bin"
		touch -d '31 days ago' "$programs/$name/complete" "$programs/$name.lock"
	done
	touch -d '29 days ago' "$programs/hello-0.9.0.used/complete"
	head -c 3000000 /dev/zero > "$programs/hello-1.0.0.old/bin/hello"
	# One make was killed while it compiled, another compiles now.
	mkdir "$programs/hello-1.0.0.killed.new" "$programs/hello-0.9.0.busy.new"
	touch "$programs/hello-1.0.0.killed.lock"
	exec {busy}> "$programs/hello-0.9.0.busy.lock"
	flock "$busy"
	run -0 mk gc PROVIDER=one
	exec {busy}>&-
	rm -r "$COPY/providers/go"
	[[ $output == *"freed 2 MiB in $programs"*"kept  "*" MiB in ${programs%/*}/build, "* ]]
	[ "$(cd "$programs" && printf '%s\n' */ | LC_ALL=C sort)" = "$(printf '%s/\n' hello-0.9.0.busy hello-0.9.0.busy.new hello-0.9.0.used "hello-1.0.0.$id" | LC_ALL=C sort)" ]
}

@test "cluster-up IMAGE= needs no stage and no provider" {
	run -0 mk -n cluster-up IMAGE=h.invalid/team/one PROVIDER=none
	[[ $output == *" mk/sh/cluster/cluster-up"* ]]
	[[ $output != *"mk/sh/stage/stage "* && $output != *stagekey* ]]
	run ! mk -n cluster-up PROVIDER=none
	[[ $output == *"unknown provider 'none'"* ]]
}
