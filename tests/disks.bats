# Disks as artifacts: ocipack --disk, regpush, and regpull --disk, with disks that qemu-io writes to.
load lib/common
load lib/registry

W=16777216 # bytes of a window

# Made once: no test writes to these files, and each has a layout of its own.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	noise $((5 * W)) > seed
	# 32 windows: 0 to 3 and part of 5 are random, 8 is a single repeated letter, 31 is allocated but all zeros.
	qemu-img create -q -f qcow2 base.qcow2 512M
	head -c $((4 * W)) seed > first
	tail -c 100000 seed > part
	qemu-io -f qcow2 -c "write -q -s first 0 $((4 * W))" -c "write -q -s part $((5 * W + 65536)) 99840" \
		-c "write -q -P 120 $((8 * W)) $W" -c "write -q -P 0 $((31 * W)) $W" base.qcow2
}

setup() {
	registry_setup
	ln "$BATS_FILE_TMPDIR"/{seed,first,part,base.qcow2} .
	mkdir tree
	echo hello > tree/f
	ocipack -t img --tree tree lay
}

teardown() {
	end_kept
	if [ -d "$BATS_TEST_TMPDIR/small" ]; then
		umount "$BATS_TEST_TMPDIR/small" 2> /dev/null || true
	fi
}

# write FILE OFFSET N: change N bytes.
write() { qemu-io -f qcow2 -c "write -q -P 0x77 $2 $3" "$1"; }

# overlay BACKING FILE
overlay() { qemu-img create -q -f qcow2 -b "$1" -F qcow2 "$2"; }

# digest LAYOUT TAG: the digest of the manifest. doc LAYOUT TAG: the file of the manifest.
digest() { ocipack --list "$1" | awk -v t="$2" '$1 == t { print $2 }'; }
doc() { echo "$1/blobs/sha256/$(digest "$1" "$2" | cut -d: -f2)"; }

# blob LAYOUT TAG N: the digits of the digest of the N-th window's blob.
blob() { jq -r ".layers[$3].digest" "$(doc "$1" "$2")" | cut -d: -f2; }

push() { regpush --tls-verify=false "$@" > pushed; }
fetch() { regpull --tls-verify=false "$@"; }

# same FILE FORMAT OTHER: a guest sees the same bytes in both.
same() { qemu-img compare -q -f "$2" -F qcow2 "$1" "$3"; }

# publish: push the image and its disk as a/b:1 and a/b:1.disk. Comes first in a test: what the file's first one has packed and
# pushed is copied.
publish() {
	local made=$BATS_FILE_TMPDIR/published
	if [ ! -e "$made" ]; then
		ocipack -t disk --disk base.qcow2 --subject img lay
		push lay:img "$R/a/b:1"
		push lay:disk "$R/a/b:1.disk"
		mkdir "$made.new"
		cp -R lay state/blobs state/repos "$made.new/"
		mv "$made.new" "$made"
	else
		rm -r lay
		cp -R "$made/lay" .
		cp -R "$made"/{blobs,repos} state/
	fi
	: > state/log
}

# forge FILTER: put the disk's manifest, changed by jq, into the registry as a/b:evil, without any check.
forge() {
	jq -cS "$1" "$(doc lay disk)" > evil.json
	{ echo application/vnd.oci.image.manifest.v1+json && cat evil.json; } > state/repos/a/b/manifests/evil
}

# plant FILE: put its bytes into the registry as a blob. Sets HEX and SIZE.
plant() {
	HEX=$(sha256sum < "$1" | cut -d' ' -f1) SIZE=$(stat -c %s "$1")
	cp "$1" "state/blobs/$HEX"
	: > "state/repos/a/b/blobs/$HEX"
}

@test "a disk is divided into windows without those of zeros; its format and backing files do not matter" {
	mkdir nbd
	export TMPDIR=$PWD/nbd
	run -0 ocipack -v -t disk --disk base.qcow2 --subject img --annotation a=b --json lay
	[[ ${lines[0]}${lines[1]} == *"base.qcow2: 6 windows, 6 of them new"* ]]
	jq -e --arg d "$(digest lay img)" '.artifactType == "application/vnd.kubestamp.disk.v1" and
		.subject.digest == $d and .annotations == {"a": "b"} and
		[.layers[].annotations["org.kubestamp.disk.offset"] | tonumber / 16777216] == [0, 1, 2, 3, 5, 8] and
		([.layers[].mediaType] | unique) == ["application/vnd.kubestamp.disk.chunk.v1+zstd"]' "$(doc lay disk)"
	jq -e '. == {"chunkSize": 16777216, "format": "qcow2", "virtualSize": 536870912}' \
		"lay/blobs/sha256/$(jq -r .config.digest "$(doc lay disk)" | cut -d: -f2)"
	# A blob is one zstd frame of the guest's bytes.
	zstd -dqc "lay/blobs/sha256/$(blob lay disk 1)" | cmp - <(tail -c +$((W + 1)) first | head -c "$W")
	[ "$(jq -r '.layers[1].annotations["org.kubestamp.disk.digest"]' "$(doc lay disk)")" = \
		"sha256:$(tail -c +$((W + 1)) first | head -c "$W" | sha256sum | cut -d' ' -f1)" ]
	# Raw, with other clusters, or with backing files: the same blobs.
	qemu-img convert -O raw base.qcow2 base.raw
	qemu-img convert -O qcow2 -c -o cluster_size=4k base.qcow2 small.qcow2
	overlay base.qcow2 top.qcow2
	overlay top.qcow2 topper.qcow2
	ocipack -t packed --disk small.qcow2 --disk topper.qcow2 --subject img --annotation a=b lay
	[ "$(digest lay packed)" = "$(digest lay disk)" ]
	ocipack -t packed --disk small.qcow2=qcow2 --subject img --annotation a=b lay
	[ "$(digest lay packed)" = "$(digest lay disk)" ]
	ocipack -t raw --disk base.raw=raw lay
	[ "$(jq -c .layers "$(doc lay raw)")" = "$(jq -c .layers "$(doc lay disk)")" ]
	[ -z "$(ls nbd)" ]
}

@test "a changed disk: one window of 32 is new, the others keep their descriptors and need not be local" {
	publish
	overlay base.qcow2 top.qcow2
	write top.qcow2 $((2 * W + 5000)) 10
	run -0 ocipack -t disk2 --from lay:disk --disk top.qcow2 --json other
	jq -e '.windows == 6 and .new == 1' <<< "$output"
	jq -e --slurpfile a "$(doc lay disk)" '[.layers, $a[0].layers] | transpose | map(.[0] == .[1]) ==
		[true, true, false, true, true, true]' "$(doc other disk2)"
	# The layout has all blobs. A layout with only the documents works as well.
	[ "$(blob lay disk 0)" = "$(blob other disk2 0)" ]
	[ lay/blobs/sha256/"$(blob lay disk 0)" -ef other/blobs/sha256/"$(blob lay disk 0)" ]
	local i
	for i in 0 1 2 3 4 5; do
		rm "lay/blobs/sha256/$(blob lay disk $i)"
	done
	ocipack -t disk2 --from disk --disk top.qcow2 --prune lay
	run -0 push -v lay:disk2 "$R/a/b:2.disk"
	[ "$(grep -c "^PUT .*/blobs/uploads" state/log)" = 1 ]
	# Only the changed window was sent.
	local sent all
	sent=$(stat -c %s "lay/blobs/sha256/$(blob lay disk2 2)")
	all=$(jq '[.layers[].size] | add' "$(doc lay disk2)")
	echo "sent $sent of $all bytes"
	[ "$sent" -lt $((W + 1024)) ]
	fetch --disk got.raw --format raw "$R/a/b:2.disk"
	same got.raw raw top.qcow2
}

@test "the error names blobs that are missing; another repository may have them" {
	publish
	rm "lay/blobs/sha256/$(blob lay disk 1)"
	run -1 regpush --tls-verify=false -v lay:disk "$R/c:1"
	[[ $output == *"regpush: sha256:$(blob lay disk 1): neither in lay nor in the registry" ]]
	[ ! -e state/repos/c/manifests/1 ]
	run -1 regpush --tls-verify=false -n lay:disk "$R/c:1"
	[ "$output" = "regpush: sha256:$(blob lay disk 1): neither in lay nor in the registry" ]
	push --mount-from a/b lay:disk "$R/c:1"
	[ -e state/repos/c/manifests/1 ]
	mode nomount
	run -1 regpush --tls-verify=false --mount-from a/b lay:disk "$R/d:1"
	[[ $output == *": neither in lay nor in the registry" ]]
}

@test "the referrers' tag: created, extended, and not used if the registry lists referrers" {
	local subject
	subject=$(digest lay img | cut -d: -f2)
	publish
	tail -n +2 "state/repos/a/b/manifests/sha256-$subject" > index
	jq -e --arg d "$(digest lay disk)" '.mediaType == "application/vnd.oci.image.index.v1+json" and
		(.manifests | length) == 1 and .manifests[0].digest == $d and
		.manifests[0].artifactType == "application/vnd.kubestamp.disk.v1"' index
	# Pushing again changes nothing; the disk is listed even if its manifest is in the registry already.
	push lay:disk "$R/a/b:1.disk"
	tail -n +2 "state/repos/a/b/manifests/sha256-$subject" | cmp - index
	rm "state/repos/a/b/manifests/sha256-$subject"
	push lay:disk "$R/a/b:1.disk"
	tail -n +2 "state/repos/a/b/manifests/sha256-$subject" | cmp - index
	# A second disk.
	qemu-img create -q -f qcow2 other.qcow2 1M
	ocipack -t other --disk other.qcow2 --subject img --annotation x=y lay
	push lay:other "$R/a/b:other"
	tail -n +2 "state/repos/a/b/manifests/sha256-$subject" |
		jq -e '(.manifests | length) == 2 and .manifests[1].annotations == {"x": "y"}'
	run -1 fetch --disk got "$R/a/b:1"
	[ "$output" = "regpull: $R/a/b:1: this image has 2 disks; name one by its tag or digest" ]
	# What is not an index is not overwritten.
	echo $'text/plain\nmine' > "state/repos/a/b/manifests/sha256-$subject"
	run -1 push lay:disk "$R/a/b:1.disk"
	[[ $output == "regpush: a/b/manifests/sha256-$subject: not an index: "* ]]
	mode referrers
	push lay:img "$R/e:1"
	push lay:disk "$R/e:1.disk"
	[ ! -e "state/repos/e/manifests/sha256-$subject" ]
	fetch --disk got.qcow2 "$R/e:1"
	same got.qcow2 qcow2 base.qcow2
}

@test "from the image to its disk: raw and qcow2, sparse; only the digest is printed" {
	publish
	run -0 fetch --disk got.qcow2 "$R/a/b:1"
	[ "$output" = "$(digest lay disk)" ]
	[ "$(qemu-img info --output=json got.qcow2 | jq -r .format)" = qcow2 ]
	same got.qcow2 qcow2 base.qcow2
	run -0 fetch --disk got.raw --format raw "$R/a/b@$(digest lay img)"
	same got.raw raw base.qcow2
	[ "$(stat -c %s got.raw)" = 536870912 ]
	[ "$(stat -c %b got.raw)" -lt 200000 ]
	run -0 fetch --disk 'odd: name' "$R/a/b@$(digest lay disk)"
	same './odd: name' qcow2 base.qcow2
	[ "$(echo *.part *.tmp.*)" = '*.part *.tmp.*' ]
	push lay:img "$R/f:1"
	run -1 fetch --disk none "$R/f:1"
	[ "$output" = "regpull: $R/f:1: the registry has no disk of this image" ]
	run -1 fetch --disk none "$R/a/b:none"
	[ "$output" = "regpull: $R/a/b:none: status 404 (MANIFEST_UNKNOWN)" ]
	[ ! -e none.part ]
}

@test "windows of local disks are not downloaded, wherever they are in the disk" {
	publish
	overlay base.qcow2 top.qcow2
	write top.qcow2 $((3 * W)) 10
	run -0 fetch -v --disk got.qcow2 --reuse top.qcow2 "$R/a/b:1"
	[[ $output == *"6 windows, 1 of them to download"* ]]
	[ "$(grep -c "^GET .*/blobs/" state/log)" = 2 ]
	same got.qcow2 qcow2 base.qcow2
	# At another place, in a smaller disk whose length is not a multiple of the window.
	{ head -c $((2 * W)) first | tail -c "$W" && echo rest && head -c 507 first; } > piece
	run -0 fetch -v --disk got.raw --format raw --reuse piece=raw "$R/a/b:1"
	[[ $output == *"6 windows, 5 of them to download"* ]]
	same got.raw raw base.qcow2
	run -1 fetch --disk x --reuse piece "$R/a/b:1"
	[[ $output == "regpull: piece: qemu-nbd: "*"not in qcow2 format"* ]]
	run -1 fetch --disk y --reuse absent "$R/a/b:1"
	[ "$output" = "regpull: absent: No such file or directory" ]
}

@test "--dry-run: prints what would be downloaded and writes nothing" {
	publish
	run -0 fetch -n --disk got.qcow2 "$R/a/b:1"
	[ "${#lines[@]}" = 7 ]
	[ "${lines[6]}" = "$(digest lay disk) $(stat -c %s "$(doc lay disk)") application/vnd.oci.image.manifest.v1+json" ]
	jq -r '.layers[] | .digest + " " + (.size | tostring) + " " + .mediaType' "$(doc lay disk)" | diff - <(head -n 6 <<< "$output")
	overlay base.qcow2 top.qcow2
	write top.qcow2 $((3 * W)) 10
	run -0 fetch -n --disk got.qcow2 --reuse top.qcow2 "$R/a/b:1"
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[0]} == "sha256:$(blob lay disk 3) "* ]]
	[ "$(echo got*)" = 'got*' ]
	[ "$(grep -c "^GET .*/blobs/" state/log)" = 2 ]
	run -2 fetch -n "$R/a/b:1" in
	[ "${lines[0]}" = "regpull: --format, --reuse and --dry-run require --disk" ]
}

@test "a download that is cut off at byte k continues there" {
	publish
	local k
	for k in 1 65536 1000000 16777000; do
		rm -f got.raw
		: > state/log
		mode "cut 1 GET $k"
		fetch -j 1 --disk got.raw --format raw "$R/a/b:1.disk"
		same got.raw raw base.qcow2
		[ "$k" -lt 100 ] || grep -q "^GET .* 206 .* bytes=$k-$" state/log
	done
	# A registry that does not support ranges, or sends other ranges.
	for k in norange shifted; do
		rm -f got.raw
		mode "cut 1 GET 3000000" "$k"
		fetch -j 1 --disk got.raw --format raw "$R/a/b:1.disk"
		same got.raw raw base.qcow2
	done
}

@test "killed midway: the next attempt downloads what is missing, and checks what is there" {
	publish
	mode "stall 1 GET 2000000"
	regpull --tls-verify=false -j 2 --disk got.raw --format raw "$R/a/b:1.disk" > out.log 2>&1 3>&- &
	local pid=$!
	keep_pid "$pid"
	wait_for 20 sh -c '[ "$(grep -c "^GET .*/blobs/.* 200 " state/log)" -ge 5 ]'
	sleep 1
	kill -9 "$pid"
	wait "$pid" || true
	[ -e got.raw.part ]
	[ ! -e got.raw ]
	# Damage a byte, and write one where the disk has zeros.
	printf x | dd of=got.raw.part bs=1 seek=$((W + 77)) conv=notrunc status=none
	printf x | dd of=got.raw.part bs=1 seek=$((20 * W)) conv=notrunc status=none
	mode
	: > state/log
	run -0 fetch -v --disk got.raw --format raw "$R/a/b:1.disk"
	[[ $output =~ 6\ windows,\ ([1-5])\ of\ them ]]
	same got.raw raw base.qcow2
	[ ! -e got.raw.part ]
}

@test "two processes with the same file: the second one fails" {
	publish
	mode "stall 1 GET 2000000"
	regpull --tls-verify=false -j 1 --disk got.raw --format raw "$R/a/b:1.disk" > out.log 2>&1 3>&- &
	keep_pid $!
	wait_for 20 sh -c '[ "$(stat -c %b got.raw.part)" -gt 0 ]'
	run -1 fetch --disk got.raw --format raw "$R/a/b:1.disk"
	[ "$output" = "regpull: got.raw.part: another process is using it" ]
	ln -s elsewhere link.part
	run -1 fetch --disk link --format raw "$R/a/b:1.disk"
	[ "$output" = "regpull: link.part: Too many levels of symbolic links" ]
	[ ! -e elsewhere ]
}

@test "hostile artifacts are refused, and no file gets the name of the disk" {
	publish
	refused() {
		run -1 fetch -r 1 --disk got.raw --format raw "$R/a/b:evil"
		[[ $1 != *layers* || ! -e got.raw.part ]]
		[[ ${#lines[@]} == 1 && $output == "regpull: "$1 ]] || { echo "got: $output"; return 1; }
		[ ! -e got.raw ]
		# Do not let the next attempt use the data that arrived before.
		rm -f got.raw.part
	}
	notes() { forge ".layers[$1].annotations[\"org.kubestamp.disk.$2\"] = \"$3\""; }
	notes 1 offset 536870912
	refused "sha256:*: layers?1?: not a window of the disk"
	notes 1 offset 9223372036854775807
	refused "sha256:*: layers?1?: not a window of the disk"
	notes 1 offset -16777216
	refused "sha256:*: layers?1?: annotation org.kubestamp.disk.offset is not a number"
	notes 1 offset 100
	refused "sha256:*: layers?1?: not a window of the disk"
	notes 1 offset 0
	refused "sha256:*: layers?1?: not after the previous window"
	notes 1 size 4096
	refused "sha256:*: layers?1?: not a window of the disk"
	notes 1 digest sha256:../../x
	refused "sha256:*: layers?1?: annotation org.kubestamp.disk.digest is not a digest"
	forge '.layers[1].size = 99999999'
	refused "sha256:*: layers?1?: a window cannot have 99999999 bytes"
	notes 1 digest "sha256:$(printf 0%.0s {1..64})"
	refused "sha256:$(blob lay disk 1): the digest of its window is sha256:*"
	# A blob that unpacks to more, to less, not at all, or has a second frame.
	put() {
		plant "$1"
		forge ".layers[1].digest = \"sha256:$HEX\" | .layers[1].size = $SIZE"
	}
	head -c 1G /dev/zero | zstd -q > bomb
	put bomb
	refused "sha256:$HEX: it unpacks to more than its window"
	head -c 1000 seed | zstd -q > little
	put little
	refused "sha256:$HEX: it unpacks to less than its window"
	head -c 5000 seed > noise
	put noise
	refused "sha256:$HEX: it cannot be unpacked: *"
	{ cat "lay/blobs/sha256/$(blob lay disk 1)" && zstd -q < /dev/null; } > two
	put two
	refused "sha256:$HEX: more than one frame"
	# A frame that needs 2 GiB of memory.
	head -c "$W" seed | zstd -q --long=31 > wide
	put wide
	refused "sha256:$HEX: it cannot be unpacked: Frame requires too much memory*"
	# The registry sends other data.
	mode corrupt
	run -1 fetch -r 1 --disk got.raw --format raw "$R/a/b:1.disk"
	[[ ${#lines[@]} == 1 && $output == "regpull: "*"digest is sha256:"* ]]
	# The data that has arrived is good for the real disk.
	mode
	fetch --disk got.raw --format raw "$R/a/b:1.disk"
	same got.raw raw base.qcow2
}

# with_disk TAG: make the image TAG of the layout lay, with base.qcow2 as the disk of a provider between other files.
with_disk() {
	rm -rf files
	mkdir files
	echo before > files/a
	qemu-img convert -q -m 2 -O qcow2 -c -o compression_type=zstd,cluster_size=65536 base.qcow2 files/base.qcow2
	echo behind > files/z
	ocipack -t "$1" --tree tree --compress none --tree files=usr/share/kubestamp/disk lay
}

@test "--image-disk: the disk in a layer of an image, which is its subject" {
	local layer hex offset size
	with_disk one
	layer=$(jq -r '.layers[1].digest' "$(doc lay one)")
	run -0 ocipack --image-disk one lay
	read -r hex offset size <<< "$output"
	[ "$hex $size" = "$layer $(stat -c %s files/base.qcow2)" ]
	tail -c "+$((offset + 1))" "lay/blobs/sha256/${layer#*:}" | head -c "$size" | cmp - files/base.qcow2
	ocipack -t disk --image-disk one lay
	jq -e --arg image "$(digest lay one)" --arg layer "$layer" '.subject.digest == $image and .annotations == {
		"org.kubestamp.layer.digest": $layer, "org.kubestamp.layer.path": "usr/share/kubestamp/disk/base.qcow2",
		"org.kubestamp.layer.head": .annotations["org.kubestamp.layer.head"],
		"org.kubestamp.layer.tail": .annotations["org.kubestamp.layer.tail"],
		"org.kubestamp.disk.options": "compression_type=zstd,cluster_size=65536",
		"org.kubestamp.disk.probe": .annotations["org.kubestamp.disk.probe"]}' "$(doc lay disk)"
	jq -r '.annotations["org.kubestamp.layer.head"]' "$(doc lay disk)" | base64 -d |
		cmp - <(head -c "$offset" "lay/blobs/sha256/${layer#*:}")
	# The windows are those of the disk, and another layout can have the image.
	ocipack -t other --disk base.qcow2 lay
	[ "$(jq -c .layers "$(doc lay disk)")" = "$(jq -c .layers "$(doc lay other)")" ]
	run -0 ocipack --json -t disk --image-disk lay:one --from lay:disk apart
	[ "$(jq -r '"\(.manifest) \(.new)"' <<< "$output")" = "$(digest lay disk) 0" ]
	[ "$(echo apart* lay*)" = "apart lay" ]
}

@test "--image-disk: an image without a disk, none at all, and something else in its place" {
	run -3 ocipack --image-disk img lay
	[ "$output" = "" ]
	run -2 ocipack -t disk --image-disk img lay
	[ "$output" = "ocipack: img: no uncompressed layer contains usr/share/kubestamp/disk/base.qcow2" ]
	run -2 ocipack --image-disk none lay
	[ "$output" = "ocipack: lay: no image 'none'" ]
	mkdir fake
	echo "not a disk" > fake/base.qcow2
	ocipack -t fake --compress none --tree fake=usr/share/kubestamp/disk lay
	run -3 ocipack --image-disk fake lay
	ocipack -t packed --tree fake=usr/share/kubestamp/disk lay
	run -3 ocipack --image-disk packed lay
	run -2 ocipack --image-disk img --disk base.qcow2 -t x lay
	[[ ${lines[0]} == "ocipack: --image-disk cannot be combined with "* ]]
	run -2 ocipack --image-disk img --from img lay
	[[ ${lines[0]} == "ocipack: --tag is required"* ]]
	run -2 ocipack --image-disk img --subject img -t x lay
	[[ ${lines[0]} == "ocipack: --subject requires --disk" ]]
}

@test "--disk-windows: a backing file that the earlier disk names is not read" {
	with_disk one
	push lay:one "$R/a/b:1"
	ocipack -t one.disk --image-disk one lay
	push lay:one.disk "$R/a/b:1.disk"
	fetch "$R/a/b:1" in
	# The disk in this image, the newest of the repository, is an empty overlay: the data would be in its backing file.
	mkdir hostile
	qemu-img create -q -f qcow2 -F qcow2 -b "$PWD/base.qcow2" hostile/base.qcow2 512M
	ocipack -t "$R/a/b:0" --compress none --tree hostile=usr/share/kubestamp/disk in
	: > state/log
	run -0 fetch --disk-windows "$R/a/b:1" in
	[ "$output" = "$(digest lay one)" ]
	rm "in/blobs/sha256/$(jq -r '.layers[1].digest' "$(doc lay one)" | cut -d: -f2)"
	run -0 --separate-stderr fetch --disk-windows "$R/a/b:1" in
	[[ $stderr == "regpull: disk windows: too much is new: "*" bytes of the layer"* ]]
	[ "$output" = "$(digest lay one)" ]
	diff "$(doc in 1)" "$(doc lay one)"
	[ "$(echo in*)" = in ]
}

@test "bad inputs: not a disk, no such subject, a missing backing file" {
	publish
	run -2 ocipack -t x --from img --disk base.qcow2 lay
	[ "$output" = "ocipack: lay: 'img' is not a disk" ]
	run -2 ocipack -t x --from none --disk base.qcow2 lay
	[ "$output" = "ocipack: lay: no image 'none'" ]
	run -2 ocipack -t x --subject none --disk base.qcow2 lay
	[ "$output" = "ocipack: lay: no image 'none'" ]
	run -1 ocipack -t x --disk absent.qcow2 lay
	[ "$output" = "ocipack: absent.qcow2: No such file or directory" ]
	run -1 ocipack -t x --disk first lay
	[[ $output == "ocipack: first: qemu-nbd: "*"not in qcow2 format"* ]]
	qemu-img create -q -f qcow2 -u -b absent -F qcow2 lost.qcow2 1M
	run -1 ocipack -t x --disk lost.qcow2 lay
	[[ $output == "ocipack: lost.qcow2: qemu-nbd: "*"absent"* ]]
	[ "$(ocipack --list lay | wc -l)" = 2 ]
}

@test "an empty disk, and one whose last window is short" {
	qemu-img create -q -f qcow2 empty.qcow2 1G
	ocipack -t empty --disk empty.qcow2 lay
	push lay:empty "$R/a/b:empty"
	fetch --disk got "$R/a/b:empty"
	same got qcow2 empty.qcow2
	head -c $((W + 512)) seed > odd
	ocipack -t odd --disk odd=raw lay
	push lay:odd "$R/a/b:odd"
	fetch --disk odd2 "$R/a/b:odd"
	cmp odd odd2
}

@test "a full file system: one line and exit 1, no temporary directory is left; with more space it continues" {
	[ "$(id -u)" = 0 ] || skip "needs root for a tmpfs"
	publish
	mkdir small
	mount -t tmpfs -o size=20m none small
	run -1 ocipack -t x --disk base.qcow2 small/lay
	[[ ${#lines[@]} == 1 && $output == *"No space left on device" ]]
	[ -z "$(ocipack --list small/lay)" ]
	rm -r small/lay
	run -1 fetch --disk small/got.raw --format raw "$R/a/b:1"
	[[ ${#lines[@]} == 1 && $output == "regpull: sha256:"*"small/got.raw.part: No space left on device" ]]
	[ "$(ls small)" = got.raw.part ]
	mount -o remount,size=130m small
	fetch --disk small/got.raw --format raw "$R/a/b:1"
	same small/got.raw raw base.qcow2
	# There is room for the windows, but not for the converted disk.
	run -1 fetch --disk small/got.qcow2 --reuse small/got.raw=raw "$R/a/b:1"
	[[ ${#lines[@]} == 1 && $output == "regpull: small/got.qcow2"*"No space left on device" ]]
	[ ! -e small/got.qcow2 ]
	umount small
	rmdir small
}

@test "SIGTERM: ocipack leaves no files and no qemu-nbd" {
	export TMPDIR=$PWD/tmp
	mkdir tmp
	# Nobody writes to the pipe, so qemu-nbd never starts to listen.
	mkfifo pipe
	ocipack -t x --disk pipe=raw lay > out.log 2>&1 3>&- &
	local pid=$! code=0 child
	keep_pid "$pid"
	wait_for 10 sh -c 'ls tmp/kubestamp-nbd.*'
	wait_for 10 pgrep -P "$pid" qemu-nbd
	child=$(pgrep -P "$pid" qemu-nbd)
	kill "$pid"
	wait "$pid" || code=$?
	[ "$code" = 143 ]
	wait_for 10 sh -c "! kill -0 $child"
	[ -z "$(ls tmp)" ]
	[ "$(cd lay && echo *)" = "blobs index.json oci-layout" ]
}

@test "a disk is packed and assembled in little memory" {
	truncate -s 3G big.raw
	noise 320000000 | dd of=big.raw conv=notrunc bs=1M status=none
	peak() { /usr/bin/time -f %M "$@" 2>&1 > /dev/null | tail -1; }
	[ -x /usr/bin/time ] || skip "needs time(1)"
	case $BIN in */san/*) skip "sanitizers use too much memory" ;; esac
	# Child processes are counted too.
	run -0 peak ocipack -t big --disk big.raw=raw lay
	echo "ocipack: $output KiB"
	[ "$output" -lt 62500 ]
	push lay:big "$R/a/b:big"
	run -0 peak regpull --tls-verify=false --disk got.raw "$R/a/b:big"
	echo "regpull: $output KiB"
	[ "$output" -lt 62500 ]
	cmp big.raw got.raw
	run -0 peak regpull --tls-verify=false --disk again.raw --reuse big.raw=raw "$R/a/b:big"
	echo "regpull --reuse: $output KiB"
	[ "$output" -lt 62500 ]
	cmp big.raw again.raw
}

@test "docker-registry: an image, its disk, and the way back" {
	docker_registry
	ocipack -t disk --disk base.qcow2 --subject img lay
	push lay:img "$R/a/b:1"
	push lay:disk "$R/a/b:1.disk"
	run -0 fetch --disk got.qcow2 "$R/a/b:1"
	[ "$output" = "$(digest lay disk)" ]
	same got.qcow2 qcow2 base.qcow2
	# Like any other artifact, skopeo and regpull can copy it.
	skopeo copy -q --src-tls-verify=false "docker://$R/a/b:1.disk" dir:copied
	regpull --tls-verify=false "$R/a/b:1.disk" in
	cmp "$(doc lay disk)" "$(doc in 1.disk)"
	# Without its subject, which it does not need.
	ocipack --prune in
	cmp "in/blobs/sha256/$(blob lay disk 0)" "lay/blobs/sha256/$(blob lay disk 0)"
}
