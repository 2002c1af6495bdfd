# make publish, publish-all and cluster-up IMAGE=, with docker-registry and small images made by hand. The providers are in
# a checkout of the tests' own, whose stages have stamps as if they had run.
load lib/common
load lib/registry

setup_file() {
	COPY=$BATS_FILE_TMPDIR/kubestamp
	export COPY
	mkdir -p "$COPY"
	tar -C "$TOP" -c GNUmakefile mk tools providers/base tests/providers | tar -C "$COPY" -x
	# In the checkout, too, mini belongs to the tests.
	for p in one two; do cp -r "$COPY/tests/providers/mini" "$COPY/providers/$p"; done
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY REGISTRY_AUTH_FILE DOCKER_CONFIG \
		XDG_RUNTIME_DIR XDG_CONFIG_HOME REGISTRY TAG PUBLISHER IMAGE
	export HOME=$PWD/home XDG_CACHE_HOME=$PWD/cache
	mkdir home
	OWN=$PWD/b
}

teardown() { end_kept; }

# mk ARG...: run make as a user does, in the copy, with the tools that are tested.
mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CLUSTER -u NODES make --no-print-directory -C "$COPY" B="$OWN" \
		TB="${TB:-$TOP/build}" BIN="$BIN" "$@" 3>&-
}

# publish ARG...: publish the provider one to a registry without https.
publish() { mk publish PROVIDER=one TLS_VERIFY=false REGISTRY="$R/team" "$@"; }

# made PROVIDER [OPTION...]: make the stamps of all stages, and an image with a layer of noise. Sets KEY and LAY.
made() {
	local stage key p=$1
	shift
	while read -r key stage; do
		mkdir -p "$OWN/$p/$stage.$key"
		touch "$OWN/$p/$stage.$key/stamp"
		[ "$stage" != image ] || KEY=$key LAY=$OWN/$p/image.$key/oci
	done < <(mk -s keys PROVIDER="$p")
	[ -e noise ] || noise 1500000 > noise
	ocipack -t "localhost/kubestamp/$p:latest" --compress none --file noise=usr/noise --label "org.kubestamp.provider=$p" \
		--label "org.kubestamp.key=$KEY" --label org.kubestamp.kubernetes=1.20.2 "$@" "$LAY"
}

# digest LAYOUT: print the digest of its only image. remote TAG: print the digest that TAG has in the registry.
digest() { ocipack --list "$1" | cut -d' ' -f2; }
remote() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$R/team/one:$1" | sha256sum | cut -d' ' -f1)"; }

# no_layer LAYOUT: remove its layer, so that sending it fails.
no_layer() { find "$1/blobs" -size +1000k -delete; }

# value NAME [PROVIDER]: print a value in published.json.
value() { jq -r ".$1" "$OWN/${2:-one}/published.json"; }

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
	text="there is no provider 'none'" expect publish PROVIDER=none REGISTRY=a/b
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

# machine: set up a machine that has only these scripts, the tools and podman. up [ARG...]: start a cluster from $R/team/one.
# The image contains no programs, so this fails with the first container. (tests/e2e-* test the rest.)
machine() {
	command -v podman > /dev/null || skip "podman is not installed"
	mkdir -p "$OWN" storage
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$PWD/storage/root" "$PWD/storage/run" > storage.conf
	export CONTAINERS_STORAGE_CONF=$PWD/storage.conf
	printf 'ENGINE=podman\nengine=(podman --network-backend netavark --cgroup-manager cgroupfs)\nengine_run=()\n' > "$OWN/engine-auto.conf"
	mkdir -p share/bin
	printf 'node_memory=64M\nnode_cpus=1\nnode_disk=1G\nkubernetes_version=\n' > share/provider.conf
}
up() {
	env TOP="$COPY" BIN="$BIN" B="$OWN" P="$OWN/none" KS_CACHE="$PWD/cache/kubestamp" PROVIDER=none CLUSTER=pulled$$ \
		NODES=1 RESUME=never IMAGE_LAYOUT="$PWD/cache/kubestamp/images" AUTHFILE= CERT_DIR= TLS_VERIFY=false DISK_WINDOWS=yes \
		IMAGE_FROM="$R/team/one" "$@" "$COPY/mk/sh/cluster/cluster-up" 3>&-
}
# cached: list the images in the cache.
cached() { ocipack --list cache/kubestamp/images; }

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

@test "cluster-up IMAGE= needs no stage and no provider" {
	run -0 mk -n cluster-up IMAGE=h.invalid/team/one PROVIDER=none
	[[ $output == *" mk/sh/cluster/cluster-up"* ]]
	[[ $output != *"mk/sh/stage/stage "* && $output != *stagekey* ]]
	run ! mk -n cluster-up PROVIDER=none
	[[ $output == *"there is no provider 'none'"* ]]
}

# windows N...: make changed.raw, a copy of base.raw (made if missing) with changes in these windows of 16 MiB.
windows() {
	local w
	if [ ! -e base.raw ]; then
		truncate -s 160M base.raw
		noise 50331648 | base64 -w 0 | dd of=base.raw bs=1M seek=16 conv=notrunc status=none
	fi
	cp --sparse=always base.raw changed.raw
	for w; do printf 'changed %s' "$w" | dd of=changed.raw bs=1 seek=$((w * 16777216 + 777)) conv=notrunc status=none; done
}

# with_disk [SEALED]: make the image of the provider one with changed.raw as its disk, as the stages do it.
with_disk() {
	mkdir -p base sealed share
	qemu-img convert -q -m 2 -O qcow2 -c -o compression_type=zstd,cluster_size=65536 changed.raw base/base.qcow2
	[ -e base/vmlinuz ] || noise 3000000 > base/vmlinuz
	[ -e base/initrd.img ] || echo initrd > base/initrd.img
	echo "${1:-sealed}" > sealed/sealed.qcow2
	rm -rf "$OWN/one"
	made one --tree share=/usr/share/kubestamp/cluster --compress none --tree base=/usr/share/kubestamp/disk --tree sealed=/usr/share/kubestamp/disk
}

# next_key: change the key of the provider one.
next_key() { echo '# changed' >> "$COPY/providers/one/node/setup"; }

# disk_layer: print the path of the layer with the disk. disk_doc: print the manifest of the published artifact.
disk_layer() { find "$LAY/blobs" -size +50000k; }
disk_doc() { skopeo inspect --raw --tls-verify=false "docker://$R/team/one@$(value disk)"; }

@test "disk windows: all are sent with the image, then only new ones, and none for the same key" {
	local by layer first second
	for by in skopeo regpush; do
		rm -rf registry
		docker_registry
		windows
		with_disk
		layer=$(disk_layer)
		publish PUBLISHER=$by
		first=$(value disk)
		[ "$(disk_doc | sha256sum | cut -d' ' -f1)" = "${first#sha256:}" ]
		[ "$(value disk_sent)" -gt 40000000 ]
		[ "$(value disk_sent)" -lt "$(stat -c %s "$layer")" ]
		disk_doc | jq -e --arg image "$(value manifest)" --arg layer "sha256:${layer##*/}" '.subject.digest == $image and
			.annotations["org.kubestamp.layer.digest"] == $layer and (.layers | length) == 4 and
			.annotations["org.kubestamp.layer.path"] == "usr/share/kubestamp/disk/base.qcow2" and
			.annotations["org.kubestamp.disk.options"] == "compression_type=zstd,cluster_size=65536"'
		# The annotations about the layer are right.
		disk_doc | jq -r '.annotations["org.kubestamp.layer.head"]' | base64 -d | cat - base/base.qcow2 > begin
		head -c "$(stat -c %s begin)" "$layer" | cmp - begin
		[ "$(disk_doc | jq -r '.annotations["org.kubestamp.layer.tail"]')" = \
			"sha256:$(tail -c +$(($(stat -c %s begin) + 1)) "$layer" | sha256sum | cut -d' ' -f1)" ]
		# Tags only.
		run -0 publish PUBLISHER=$by TAG=more
		[ "$(value disk) $(value disk_sent) $(value sent)" = "$first 0 0" ]
		# One window of four.
		windows 2
		next_key
		with_disk
		publish PUBLISHER=$by
		second=$(value disk)
		[ "$first" != "$second" ]
		[ "$(value disk_sent)" -gt 10000000 ]
		[ "$(value disk_sent)" -lt 14000000 ]
		# None: another image, the same disk.
		next_key
		with_disk other
		publish PUBLISHER=$by
		[ "$second" != "$(value disk)" ]
		[ "$(value disk_sent)" -lt 10000 ]
		kill "$REGISTRY_PID"
	done
}

# perl_registry: start the test registry, which logs requests, as $R.
perl_registry() {
	mkdir -p state
	perl "$BATS_TEST_DIRNAME/lib/registry.pl" state 3>&- &
	keep_pid $!
	wait_for 10 [ -e state/port ]
	R=127.0.0.1:$(cat state/port)
}

# bring [VARIABLE=VALUE...]: pull the image into the cache as cluster-up IMAGE= does. The output is in the file said.
bring() {
	: > state/log
	env TOP="$COPY" BIN="$BIN" AUTHFILE= CERT_DIR= TLS_VERIFY=false DISK_WINDOWS=yes IMAGE_FROM="$R/team/one" \
		IMAGE_LAYOUT="$PWD/cache/kubestamp/images" "$@" bash -eu -o pipefail -c \
		'shopt -s inherit_errexit; mkdir -p "${IMAGE_LAYOUT%/*}"; . "$TOP/mk/sh/registry/pull.sh"; registry_access; pull_into_cache "$(pull_name)"' > said 2>&1
	cat said
	# The cache has the published image, and nothing else.
	[ "$(tail -n 1 said)" = "$(digest "$LAY")" ]
	cmp "$(disk_layer)" "cache/kubestamp/images/blobs/sha256/$(basename "$(disk_layer)")"
	[ "$(cd cache/kubestamp && echo images*)" = images ]
	[ "$(ls cache/kubestamp/images)" = "$(printf '%s\n' blobs index.json oci-layout)" ]
}

# fetched: print the number of bytes of blobs that were requested from the registry.
fetched() {
	local path range sum=0
	while read -r _ path _ _ _ range; do
		range=${range#bytes=}
		sum=$((sum + $(stat -c %s "state/blobs/${path##*:}") - ${range%-}))
	done < <(sed -nE '/^GET .*\/blobs\//{s/ -$/ 0-/; p}' state/log)
	echo "$sum"
}

@test "cluster-up IMAGE= and disk windows: the layer is made from an earlier image's disk, byte for byte" {
	local has
	for has in '' referrers; do
		rm -rf state cache/kubestamp base
		perl_registry
		echo "$has" > state/mode
		windows
		with_disk
		publish PUBLISHER=regpush
		# There is no earlier disk.
		bring
		[ "$(wc -l < said)" = 1 ]
		run ! grep -e referrers -e disk -e manifests/sha256- state/log
		[ "$(fetched)" -gt "$(stat -c %s "$(disk_layer)")" ]
		windows 2
		next_key
		with_disk
		publish PUBLISHER=regpush
		bring
		[[ $(head -n 1 said) == "regpull: disk windows: made sha256:$(basename "$(disk_layer)") from them and sha256:"* ]]
		run ! grep "GET .*/blobs/sha256:$(basename "$(disk_layer)")" state/log
		[ "$(fetched)" -lt 13000000 ]
		# The bytes after the disk in the layer have changed and are requested.
		windows 2 3
		echo Initrd > base/initrd.img
		next_key
		with_disk
		publish PUBLISHER=regpush
		bring
		[[ $(head -n 1 said) == *"made sha256:"*" from them and "* ]]
		grep "GET .*/blobs/sha256:$(basename "$(disk_layer)") 206 " state/log
		[ "$(fetched)" -lt 17000000 ]
		# The disk is the same.
		next_key
		with_disk more
		publish PUBLISHER=regpush
		bring
		[ "$(wc -l < said)" = 1 ]
		[ "$(fetched)" -lt 20000 ]
		# Nothing is new at all.
		bring
		[ "$(wc -l < said)" = 1 ]
		[ "$(fetched)" = 0 ]
		end_kept
		rm pids
	done
}

@test "cluster-up IMAGE= and disk windows: docker-registry and podman" {
	docker_registry
	machine
	windows
	with_disk
	publish
	run ! up
	windows 2
	next_key
	with_disk
	publish
	run ! up
	[[ $output == *"pulling $R/team/one:latest: done"*"loading the image "*"unpacking files of the image: done"* ]]
	grep "disk windows: made sha256:$(basename "$(disk_layer)") from them" "$OWN/clusters/pulled$$.log"
	cmp "$(disk_layer)" "cache/kubestamp/images/blobs/sha256/$(basename "$(disk_layer)")"
}

# promised FILTER: make the registry's only artifact of the image one with annotations changed by FILTER of jq.
promised() {
	local note notes=()
	rm -rf forged cache/kubestamp
	cp -r cache/before cache/kubestamp
	rm -f "state/repos/team/one/manifests/sha256-$(digest "$LAY" | cut -d: -f2)"
	regpull --tls-verify=false "$R/team/one" forged:image
	while IFS= read -r note; do notes+=(--annotation "$note"); done < \
		<(jq -r ".annotations | $1 | to_entries[] | .key + \"=\" + .value" good)
	ocipack -t disk --disk "${DISK:-changed.raw}=raw" --subject image "${notes[@]}" forged
	regpush --tls-verify=false forged:disk "$R/team/one:forged.disk"
}

@test "cluster-up IMAGE= and disk windows: a wrong artifact, or none: the whole layer is downloaded" {
	perl_registry
	windows
	with_disk
	publish PUBLISHER=regpush
	bring
	mv cache/kubestamp cache/before
	windows 1
	next_key
	with_disk
	publish PUBLISHER=regpush
	disk_doc > good
	# Unchanged, it works.
	promised .
	bring
	[[ $(head -n 1 said) == *"made sha256:"*" from them and "* ]]
	failed() {
		bring
		[ "$(wc -l < said)" = 2 ]
		[[ $(head -n 1 said) == "regpull: disk windows: "$1 ]] || return
		[ "$(fetched)" -gt "$(stat -c %s "$(disk_layer)")" ]
	}
	promised '.["org.kubestamp.disk.probe"] = "sha256:0"'
	failed "qemu-img here does not write the same bytes as where the disk was published"
	promised ".[\"org.kubestamp.disk.options\"] += \",data_file=$PWD/hostile\""
	failed "invalid annotations"
	[ ! -e hostile ]
	promised 'del(.["org.kubestamp.layer.digest"])'
	failed "invalid annotations"
	promised ".[\"org.kubestamp.layer.digest\"] = \"sha256:$(printf 0%.0s {1..64})\""
	failed "the disk does not belong to a layer of the image"
	promised '.["org.kubestamp.layer.head"] = "?"'
	failed "the annotation org.kubestamp.layer.head is not base64"
	# The layer that was made is wrong.
	promised '.["org.kubestamp.layer.head"] |= .[4:]'
	failed "made sha256:* from them and *"
	windows 0 2
	promised .
	failed "made sha256:* from them and *"
	# Most windows are new.
	noise 50000000 > much.raw
	DISK=much.raw promised .
	failed "too much is new: 5* of 5* bytes of the layer"
	# Two artifacts.
	ocipack -t disk --disk changed.raw=raw --subject image forged
	regpush --tls-verify=false forged:disk "$R/team/one:forged.disk"
	rm -rf cache/kubestamp
	cp -r cache/before cache/kubestamp
	failed "*this image has 2 disks*"
	# No artifact.
	rm -rf cache/kubestamp
	cp -r cache/before cache/kubestamp
	rm "state/repos/team/one/manifests/sha256-$(digest "$LAY" | cut -d: -f2)"
	failed "*the registry has no disk of this image"
	# Disabled.
	promised .
	bring DISK_WINDOWS=no
	[ "$(wc -l < said)" = 1 ]
	[ "$(fetched)" -gt "$(stat -c %s "$(disk_layer)")" ]
}

@test "cluster-up IMAGE= and disk windows: no space for the disk: the whole layer is downloaded" {
	[ "$(id -u)" = 0 ] || skip "only root can mount a small file system"
	perl_registry
	windows
	with_disk
	publish PUBLISHER=regpush
	mkdir -p cache/kubestamp
	mount -t tmpfs -o size=120m tmpfs cache/kubestamp || skip "no file system can be mounted here"
	bring
	windows 1
	next_key
	with_disk
	publish PUBLISHER=regpush
	bring
	[ "$(wc -l < said)" = 2 ]
	[[ $(head -n 1 said) == "regpull: disk windows: "*"No space left on device" ]]
	umount -l cache/kubestamp
}

@test "cluster-up IMAGE= and disk windows: when interrupted, only what regpull can continue with remains" {
	local pid
	perl_registry
	windows
	with_disk
	publish PUBLISHER=regpush
	bring
	windows 1
	next_key
	with_disk
	publish PUBLISHER=regpush
	printf '%s\n' "stall 1 GET 2000000" > state/mode
	set -m
	bring > out.log 2>&1 3>&- &
	pid=$!
	set +m
	wait_for 60 sh -c '[ "$(stat -c %b cache/kubestamp/images.*/raw.part)" -gt 0 ]'
	kill -TERM -- "-$pid"
	wait "$pid" || true
	wait_for 10 sh -c '[ "$(cd cache/kubestamp && echo images*)" = images ]'
	: > state/mode
	bring
	[[ $(head -n 1 said) == *"made sha256:"*" from them and "* ]]
}

@test "disk windows: DISK_WINDOWS=no sends none; windows that the registry has lost are packed again" {
	local lost
	docker_registry
	windows
	with_disk
	publish DISK_WINDOWS=no
	[ "$(value disk) $(value disk_sent)" = "null 0" ]
	skopeo inspect --raw --tls-verify=false "docker://$R/team/one:latest"
	run ! skopeo inspect --raw --tls-verify=false "docker://$R/team/one:key-$KEY.disk"
	windows 1
	next_key
	with_disk
	publish
	lost=$(disk_doc | jq -r '.layers[1].digest')
	find registry -path "*_layers/sha256/${lost#sha256:}*" -delete
	windows 1 3
	next_key
	with_disk
	publish
	curl -sf -o /dev/null --head "http://$R/v2/team/one/blobs/$lost"
	[ "$(value disk_sent)" -gt 20000000 ]
	[ "$(value disk_sent)" -lt 30000000 ]
	run -2 publish DISK_WINDOWS=maybe
	[[ $output == *"DISK_WINDOWS=maybe: yes or no"* ]]
}

@test "disk windows: authentication, https, signing" {
	make_certificate
	docker_registry tls login
	windows
	with_disk
	entry user:wr0ng > auth.json
	run ! publish TLS_VERIFY=true CERT_DIR="$PWD/certs" AUTHFILE="$PWD/auth.json"
	[ "$(grep -c "^error: $R/team/one: .*refused.*; DISK_WINDOWS=no sends the image alone$" <<< "$output")" = 1 ]
	[[ $output != *wr0ng* ]]
	entry user:secret > auth.json
	publish TLS_VERIFY=true CERT_DIR="$PWD/certs" AUTHFILE="$PWD/auth.json"
	[ "$(value disk_sent)" -gt 40000000 ]
	mkdir -p home/.gnupg home/.config/containers/registries.d lookaside
	chmod 700 home/.gnupg
	gpg -q --batch --passphrase '' --quick-generate-key tester@example.invalid ed25519 sign 2> /dev/null || skip "gpg cannot make a key here"
	printf 'docker:\n  %s:\n    lookaside-staging: file://%s\n    sigstore-staging: file://%s\n' "$R" "$PWD/lookaside" "$PWD/lookaside" > home/.config/containers/registries.d/test.yaml
	next_key
	with_disk other
	publish TLS_VERIFY=true CERT_DIR="$PWD/certs" AUTHFILE="$PWD/auth.json" SIGN_BY=tester@example.invalid
	gpgconf --kill gpg-agent
	[ -e "lookaside/team/one@$(value disk | tr : =)/signature-1" ]
	[ -e "lookaside/team/one@$(value manifest | tr : =)/signature-1" ]
}
