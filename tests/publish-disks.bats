# The disk of an image as windows, which make publish sends and cluster-up IMAGE= uses.
load lib/common
load lib/registry
load lib/publish

# windows N...: make changed.raw, a copy of base.raw (made if missing) with changes in these windows of 16 MiB. base.raw has data
# in four windows: 4 MiB of text in each, which compression makes into about 3.2 MB.
windows() {
	local w
	if [ ! -e base.raw ]; then
		truncate -s 160M base.raw
		noise 12582912 | base64 -w 0 > text
		for w in 1 2 3 4; do
			dd if=text of=base.raw bs=4M skip=$((w - 1)) count=1 seek=$((w * 4)) conv=notrunc status=none
		done
	fi
	cp --sparse=always base.raw changed.raw
	for w in "$@"; do printf 'changed %s' "$w" | dd of=changed.raw bs=1 seek=$((w * 16777216 + 777)) conv=notrunc status=none; done
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
disk_layer() { find "$LAY/blobs" -size +10000k; }
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
		[ "$(value disk_sent)" -gt 10000000 ]
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
		[ "$(value disk_sent)" -gt 2500000 ]
		[ "$(value disk_sent)" -lt 3500000 ]
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
		[ "$(fetched)" -lt 3500000 ]
		# The bytes after the disk in the layer have changed and are requested.
		windows 2 3
		echo Initrd > base/initrd.img
		next_key
		with_disk
		publish PUBLISHER=regpush
		bring
		[[ $(head -n 1 said) == *"made sha256:"*" from them and "* ]]
		grep "GET .*/blobs/sha256:$(basename "$(disk_layer)") 206 " state/log
		[ "$(fetched)" -lt 6700000 ]
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
	noise 14000000 > much.raw
	DISK=much.raw promised .
	failed "too much is new: 14* of 15* bytes of the layer"
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
	mount -t tmpfs -o size=37m tmpfs cache/kubestamp || skip "no file system can be mounted here"
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
	[ "$(value disk_sent)" -gt 5000000 ]
	[ "$(value disk_sent)" -lt 7500000 ]
	run -2 publish DISK_WINDOWS=maybe
	[[ $output == *"DISK_WINDOWS=maybe: must be yes or no"* ]]
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
	[ "$(value disk_sent)" -gt 10000000 ]
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
