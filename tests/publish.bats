# make publish, publish-all and cluster-up IMAGE=, against docker-registry, with images that are small and made by hand.
# The providers are of a checkout of the tests' own, whose stages have run as far as make can see.
load lib/common
load lib/registry

setup_file() {
	COPY=$BATS_FILE_TMPDIR/kubestamp
	export COPY
	mkdir -p "$COPY"
	tar -C "$TOP" -c GNUmakefile mk tools providers/base tests/providers | tar -C "$COPY" -x
	# mini is the tests' in the checkout too.
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

# mk ARG...: make as a user calls it, on the copy, with the tools that are there.
mk() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CLUSTER -u NODES make --no-print-directory -C "$COPY" B="$OWN" \
		TB="${TB:-$TOP/build}" BIN="$BIN" "$@" 3>&-
}

# publish ARG...: of the provider one, to a registry that knows no https.
publish() { mk publish PROVIDER=one TLS_VERIFY=false REGISTRY="$R/team" "$@"; }

# made PROVIDER [OPTION...]: every stage has left its stamp, and the image is a layer of noise. Sets KEY and LAY.
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

# digest LAYOUT: of its only image. remote TAG: what the registry has under it.
digest() { ocipack --list "$1" | cut -d' ' -f2; }
remote() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$R/team/one:$1" | sha256sum | cut -d' ' -f1)"; }

# no_layer LAYOUT: its layer is gone: who would send it fails.
no_layer() { find "$1/blobs" -size +1000k -delete; }

# value NAME [PROVIDER]: of published.json.
value() { jq -r ".$1" "$OWN/${2:-one}/published.json"; }

@test "first, everything is sent; then nothing but tags, by both publishers" {
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

@test "the registry has the key from another build: its image gets the tags, ours is not sent" {
	local by theirs
	docker_registry
	made one
	# The same key, other bytes: what a machine has written to is never twice the same.
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

@test "the image is there under another name: its layers are not sent again" {
	docker_registry
	made one
	regpush --tls-verify=false "$LAY" "$R/team/one:elsewhere"
	no_layer "$LAY"
	publish PUBLISHER=regpush
	[ "$(value sent)" -lt 3000 ]
	[ "$(remote latest)" = "$(digest "$LAY")" ]
	[ "$(remote "key-$KEY")" = "$(digest "$LAY")" ]
}

@test "what the registry has lost of a key that it has is sent again" {
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

@test "a key's tag on an image that is not of this key is not trusted" {
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

@test "https: with the registry's authority, and not without" {
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

@test "nobody listens; no such host: one line, and what was published stays written down" {
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

@test "a registry that has no room left: one line" {
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

@test "publish-all: whose key changed; the tests' providers only if they are said" {
	docker_registry
	made one
	made two
	all() { mk publish-all TLS_VERIFY=false REGISTRY="$R/team" "$@"; }
	run -0 all
	[ "$(value repository one) $(value repository two)" = "team/one team/two" ]
	[ ! -e "$OWN/mini" ]
	run -0 all
	[ "$(grep -c "is published at $R/team/" <<< "$output")" = 2 ]
	run -0 all TAG=extra
	[ "$(value 'tags[2]' one)" = extra ]
	# Another registry has not got it; another key is another image.
	rm "$OWN/two/published.json"
	run -0 all REGISTRY="$R/other"
	[ "$(value repository one)" = other/one ]
	echo '# changed' >> "$COPY/providers/two/node/setup"
	made two
	run -0 all REGISTRY="$R/other"
	[[ $output == *"one: the key "*" is published at $R/other/one"* ]]
	[ "$(value key two)" = "$KEY" ]
	made mini
	run -0 all PROVIDER=mini
	[ "$(value repository mini)" = team/mini ]
}

@test "publish-all: one that fails does not keep the others back" {
	docker_registry
	made one
	made two
	rm "$OWN"/one/image.*/oci/index.json
	run ! mk publish-all TLS_VERIFY=false REGISTRY="$R/team"
	[ "$(value repository two)" = team/two ]
	[ ! -e "$OWN/one/published.json" ]
}

@test "wrong variables: exit 2, one line, and nothing is made" {
	expect() {
		run -2 mk "$@"
		[[ ${lines[0]} == *"$text"* ]]
		[ ! -e "$OWN/one/publish.log" ]
	}
	text="publish: say REGISTRY=" expect publish PROVIDER=one
	[ "${#lines[@]}" = 1 ]
	text="publish-all: say REGISTRY=" expect publish-all
	text="REGISTRY: HOST[:PORT]/PATH" expect publish PROVIDER=one REGISTRY=https://a/b
	text="REGISTRY: HOST[:PORT]/PATH" expect publish PROVIDER=one REGISTRY=user:hidden@a/b
	[[ $output != *hidden* ]]
	text="PUBLISHER=x: skopeo or regpush" expect publish PROVIDER=one REGISTRY=a/b PUBLISHER=x
	text="TAG: '-x' is not a tag" expect publish PROVIDER=one REGISTRY=a/b TAG='y -x'
	text="TLS_VERIFY=no: true or false" expect publish PROVIDER=one REGISTRY=a/b TLS_VERIFY=no
	text="SIGN_BY: PUBLISHER=skopeo signs" expect publish PROVIDER=one REGISTRY=a/b PUBLISHER=regpush SIGN_BY=x
	text="there is no provider 'none'" expect publish PROVIDER=none REGISTRY=a/b
}

@test "signing: skopeo is told by whom; a key that is not there is an error" {
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

# A machine that only has these scripts, the tools and podman: up [ARG...] starts a cluster from $R/team/one. The image
# has no program to run in it, so that its first container is as far as that gets. (tests/e2e-* go on from there.)
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
		NODES=1 RESUME=never IMAGE_LAYOUT="$PWD/cache/kubestamp/images" AUTHFILE= CERT_DIR= TLS_VERIFY=false DISK_CHUNKS=yes \
		IMAGE_FROM="$R/team/one" "$@" "$COPY/mk/sh/cluster/cluster-up" 3>&-
}
# cached: the images that the cache has.
cached() { ocipack --list cache/kubestamp/images; }

@test "cluster-up IMAGE=: pulled, told apart by its digest, and started without anything of its provider here" {
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
	# The tag is asked for again; what it still names is not loaded again.
	run ! up
	[[ $output == *"pulling $R/team/one:latest: done"* && $output != *"loading"* ]]
	# Pinned, it stays what it was when the tag goes on.
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
	[[ $output != *pulling* && $output != *"cannot be reached"* && $output != *loading* ]]
	[[ $output == *"did not start: network and registry"* ]]
	# Nobody answers: what the tag was the last time.
	run ! up
	[[ $output == *"$R cannot be reached: $R/team/one:latest is what it was the last time, $second"*"unpacking files of the image: done"* ]]
	run ! up IMAGE_FROM="$R/team/one:other"
	[[ $output == *"did not start: pulling $R/team/one:other"* ]]
}

@test "cluster-up IMAGE=: a registry that says no is not the same as none" {
	docker_registry login
	machine
	made one --tree share=/usr/share/kubestamp/cluster
	login
	publish
	run ! up
	[[ $output == *"unpacking files of the image: done"* ]]
	entry user:wr0ng > home/.docker/config.json
	run ! up
	[[ $output == *"did not start: pulling $R/team/one:latest"*"the user or password is refused"* ]]
	[[ $output != *wr0ng* && $output != *"unpacking files"* ]]
}

@test "cluster-up IMAGE=: an image of something else; a name that is none" {
	docker_registry
	machine
	ocipack -t x --file storage.conf=f other
	regpush --tls-verify=false other "$R/team/other:1"
	run -1 up IMAGE_FROM="$R/team/other:1"
	[[ $output == *"is no image of a kubestamp provider"* ]]
	local wrong
	for wrong in one user:hidden@h/one "https://$R/team/one" "$R/team/one@sha256:12"; do
		run -2 up IMAGE_FROM="$wrong"
		[[ $output == "error: IMAGE: HOST"* && $output != *hidden* ]]
	done
}

@test "gc: of images of registries those go that no name stands for any more" {
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
	# What a cluster-up that was killed has left.
	mkdir cache/kubestamp/images.abc123
	mk gc PROVIDER=one
	[ ! -e cache/kubestamp/images.abc123 ]
	run ! podman image exists "localhost/kubestamp/pulled:${first:7:16}"
	podman image exists "localhost/kubestamp/pulled:${second:7:16}"
	[ "$(cached)" = "$R/team/one:latest $second" ]
	[ ! -e "cache/kubestamp/images/blobs/sha256/${first#sha256:}" ]
	[ -e "cache/kubestamp/images/blobs/sha256/${second#sha256:}" ]
}

@test "cluster-up IMAGE=: make asks for no stage, nor for a provider" {
	run -0 mk -n cluster-up IMAGE=h.invalid/team/one PROVIDER=none
	[[ $output == *" mk/sh/cluster/cluster-up"* ]]
	[[ $output != *"mk/sh/stage/stage "* && $output != *stagekey* ]]
	run ! mk -n cluster-up PROVIDER=none
	[[ $output == *"there is no provider 'none'"* ]]
}

# windows N...: changed.raw is base.raw, made if it is not there, with other text in these of its windows of 16 MiB.
windows() {
	local w
	if [ ! -e base.raw ]; then
		truncate -s 160M base.raw
		noise 50331648 | base64 -w 0 | dd of=base.raw bs=1M seek=16 conv=notrunc status=none
	fi
	cp --sparse=always base.raw changed.raw
	for w; do printf 'changed %s' "$w" | dd of=changed.raw bs=1 seek=$((w * 16777216 + 777)) conv=notrunc status=none; done
}

# with_disk [SEALED]: changed.raw is the disk of the image of the provider one, made as the stages do it.
with_disk() {
	mkdir -p base sealed share
	qemu-img convert -q -m 2 -O qcow2 -c -o compression_type=zstd,cluster_size=65536 changed.raw base/base.qcow2
	[ -e base/vmlinuz ] || noise 3000000 > base/vmlinuz
	[ -e base/initrd.img ] || echo initrd > base/initrd.img
	echo "${1:-sealed}" > sealed/sealed.qcow2
	rm -rf "$OWN/one"
	made one --tree share=/usr/share/kubestamp/cluster --compress none --tree base=/usr/share/kubestamp/disk --tree sealed=/usr/share/kubestamp/disk
}

# next_key: what was published is not of the key that comes now.
next_key() { echo '# changed' >> "$COPY/providers/one/node/setup"; }

# disk_layer: the file of the image's layer with the disk. disk_doc: the manifest of the artifact that was published.
disk_layer() { find "$LAY/blobs" -size +50000k; }
disk_doc() { skopeo inspect --raw --tls-verify=false "docker://$R/team/one@$(value disk)"; }

@test "disk chunks: sent beside the image, then only those that are new; a key that is there is not sent again" {
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
		# What it says of the layer is so.
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

# perl_registry: that of the tests as $R, which logs what it is asked for.
perl_registry() {
	mkdir -p state
	perl "$BATS_TEST_DIRNAME/lib/registry.pl" state 3>&- &
	keep_pid $!
	wait_for 10 [ -e state/port ]
	R=127.0.0.1:$(cat state/port)
}

# bring [VARIABLE=VALUE...]: what cluster-up IMAGE= does first: the image is in the cache. What it says is in said.
bring() {
	: > state/log
	env TOP="$COPY" BIN="$BIN" AUTHFILE= CERT_DIR= TLS_VERIFY=false DISK_CHUNKS=yes IMAGE_FROM="$R/team/one" \
		IMAGE_LAYOUT="$PWD/cache/kubestamp/images" "$@" bash -eu -o pipefail -c \
		'shopt -s inherit_errexit; mkdir -p "${IMAGE_LAYOUT%/*}"; . "$TOP/mk/sh/registry/pull.sh"; registry_access; pull_bring "$(pull_name)"' > said 2>&1
	cat said
	# It is what was published, and nothing else is there.
	[ "$(tail -n 1 said)" = "$(digest "$LAY")" ]
	cmp "$(disk_layer)" "cache/kubestamp/images/blobs/sha256/$(basename "$(disk_layer)")"
	[ "$(cd cache/kubestamp && echo images*)" = images ]
	[ "$(ls cache/kubestamp/images)" = "$(printf '%s\n' blobs index.json oci-layout)" ]
}

# fetched: the bytes of blobs that the registry was asked for.
fetched() {
	local path range sum=0
	while read -r _ path _ _ _ range; do
		range=${range#bytes=}
		sum=$((sum + $(stat -c %s "state/blobs/${path##*:}") - ${range%-}))
	done < <(sed -nE '/^GET .*\/blobs\//{s/ -$/ 0-/; p}' state/log)
	echo "$sum"
}

@test "cluster-up IMAGE= and disk chunks: the layer is made of an earlier image's disk, bit for bit" {
	local has
	for has in '' referrers; do
		rm -rf state cache/kubestamp base
		perl_registry
		echo "$has" > state/mode
		windows
		with_disk
		publish PUBLISHER=regpush
		# There is nothing that chunks could be added to.
		bring
		[ "$(wc -l < said)" = 1 ]
		run ! grep -e referrers -e disk -e manifests/sha256- state/log
		[ "$(fetched)" -gt "$(stat -c %s "$(disk_layer)")" ]
		windows 2
		next_key
		with_disk
		publish PUBLISHER=regpush
		bring
		[[ $(head -n 1 said) == "the disk in chunks: sha256:$(basename "$(disk_layer)") is made of them, and of sha256:"* ]]
		run ! grep "GET .*/blobs/sha256:$(basename "$(disk_layer)")" state/log
		[ "$(fetched)" -lt 13000000 ]
		# What is behind the disk in the layer is another, and asked for.
		windows 2 3
		echo Initrd > base/initrd.img
		next_key
		with_disk
		publish PUBLISHER=regpush
		bring
		[[ $(head -n 1 said) == *"is made of them"* ]]
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

@test "cluster-up IMAGE= and disk chunks: docker-registry and podman" {
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
	grep "the disk in chunks: sha256:$(basename "$(disk_layer)") is made of them" "$OWN/clusters/pulled$$.log"
	cmp "$(disk_layer)" "cache/kubestamp/images/blobs/sha256/$(basename "$(disk_layer)")"
}

# promised FILTER: the only artifact about the image that is published is as FILTER, of jq, has its annotations.
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

@test "cluster-up IMAGE= and disk chunks: a promise that is not kept, or none: the layer comes as it is" {
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
	# As it is, it works.
	promised .
	bring
	[[ $(head -n 1 said) == *"is made of them"* ]]
	failed() {
		bring
		[ "$(wc -l < said)" = 2 ]
		[[ $(head -n 1 said) == "the disk in chunks: "$1 ]] || return
		[ "$(fetched)" -gt "$(stat -c %s "$(disk_layer)")" ]
	}
	promised '.["org.kubestamp.disk.probe"] = "sha256:0"'
	failed "qemu-img makes other disks here than where they come from"
	promised ".[\"org.kubestamp.disk.options\"] += \",data_file=$PWD/hostile\""
	failed "their annotations are not understood"
	[ ! -e hostile ]
	promised 'del(.["org.kubestamp.layer.digest"])'
	failed "their annotations are not understood"
	promised ".[\"org.kubestamp.layer.digest\"] = \"sha256:$(printf 0%.0s {1..64})\""
	failed "they are of no layer of the image"
	promised '.["org.kubestamp.layer.head"] = "?"'
	failed "base64: invalid input"
	# A layer was made, and is not the one.
	promised '.["org.kubestamp.layer.head"] |= .[4:]'
	failed "*is made of them*"
	windows 0 2
	promised .
	failed "*is made of them*"
	# Little of it is here.
	noise 50000000 > much.raw
	DISK=much.raw promised .
	failed "5*bytes of them are new, and the layer is 5*"
	# Two, of which none is meant.
	ocipack -t disk --disk changed.raw=raw --subject image forged
	regpush --tls-verify=false forged:disk "$R/team/one:forged.disk"
	rm -rf cache/kubestamp
	cp -r cache/before cache/kubestamp
	failed "*it has 2 disks*"
	# None.
	rm -rf cache/kubestamp
	cp -r cache/before cache/kubestamp
	rm "state/repos/team/one/manifests/sha256-$(digest "$LAY" | cut -d: -f2)"
	failed "*the registry has no disk of it"
	# One that is not wanted.
	promised .
	bring DISK_CHUNKS=no
	[ "$(wc -l < said)" = 1 ]
	[ "$(fetched)" -gt "$(stat -c %s "$(disk_layer)")" ]
}

@test "cluster-up IMAGE= and disk chunks: no room for the disk: the layer comes as it is" {
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
	[[ $(head -n 1 said) == "the disk in chunks: "*"No space left on device" ]]
	umount -l cache/kubestamp
}

@test "cluster-up IMAGE= and disk chunks: interrupted, it leaves nothing but what regpull goes on with" {
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
	[[ $(head -n 1 said) == *"is made of them"* ]]
}

@test "disk chunks: DISK_CHUNKS=no sends none; chunks that the registry has lost are packed anew" {
	local lost
	docker_registry
	windows
	with_disk
	publish DISK_CHUNKS=no
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
	run -2 publish DISK_CHUNKS=maybe
	[[ $output == *"DISK_CHUNKS=maybe: yes or no"* ]]
}

@test "disk chunks: a login, https, signing" {
	make_certificate
	docker_registry tls login
	windows
	with_disk
	entry user:wr0ng > auth.json
	run ! publish TLS_VERIFY=true CERT_DIR="$PWD/certs" AUTHFILE="$PWD/auth.json"
	[ "$(grep -c "^error: $R/team/one: .*refused.*; DISK_CHUNKS=no sends the image alone$" <<< "$output")" = 1 ]
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
