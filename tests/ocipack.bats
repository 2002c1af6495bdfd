# ocipack, checked with skopeo and tar, and by comparing digests.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir -p tree/etc/deep tree/bin tree/empty
	echo hello > tree/etc/hello
	ln tree/etc/hello tree/etc/deep/again
	ln -s ../etc/hello tree/bin/link
	echo '#!/bin/sh' > tree/bin/run
	chmod 4755 tree/bin/run
	chmod 1777 tree/empty
}

teardown() {
	end_kept
	if [ -d "$BATS_TEST_TMPDIR/small" ]; then
		umount "$BATS_TEST_TMPDIR/small" 2> /dev/null || true
	fi
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root: $1"
}

# layer LAYOUT TAG N: the path of the layer's blob.
layer() {
	local m
	m=$("$BIN/ocipack" --list "$1" | awk -v t="$2" '$1 == t { print $2 }')
	echo "$1/blobs/sha256/$(jq -r ".layers[$3].digest" "$1/blobs/sha256/${m#sha256:}" | cut -d: -f2)"
}

# blobs LAYOUT: the number of its blobs.
blobs() { find "$1/blobs/sha256" -type f | wc -l; }

# config LAYOUT TAG: the image's configuration, as skopeo reads it.
config() { skopeo inspect --config "oci:$1:$2"; }

# sound LAYOUT: the contents of every blob match its name, and there are no unfinished files.
sound() {
	local blob
	for blob in "$1"/blobs/sha256/*; do
		[ "$(sha256sum < "$blob")" = "${blob##*/}  -" ] || return 1
	done
	[ "$(cd "$1" && echo *)" = "blobs index.json oci-layout" ]
}

@test "an image of a tree: skopeo reads it, copies it, and finds nothing wrong" {
	run -0 ocipack -t localhost/kubestamp/x:1 --tree tree --file tree/etc/hello=srv/data/one \
		--entrypoint /bin/run --entrypoint -x --cmd a --cmd b --env A=1 --env B=x=y --label k=v --annotation n=w \
		--workdir /srv --user 1:2 --volume /data --port 80 --port 53/udp --stop-signal SIGINT --arch arm64 out
	[ -z "$output" ]
	sound out
	skopeo inspect "oci:out:localhost/kubestamp/x:1"
	run -0 config out localhost/kubestamp/x:1
	[ "$(jq -cS .config <<< "$output")" = '{"Cmd":["a","b"],"Entrypoint":["/bin/run","-x"],"Env":["A=1","B=x=y"],"ExposedPorts":{"53/udp":{},"80/tcp":{}},"Labels":{"k":"v"},"StopSignal":"SIGINT","User":"1:2","Volumes":{"/data":{}},"WorkingDir":"/srv"}' ]
	[ "$(jq -r '.architecture, .os, .created' <<< "$output" | xargs)" = "arm64 linux 1970-01-01T00:00:00Z" ]
	skopeo inspect --raw "oci:out:localhost/kubestamp/x:1" | jq -e '.annotations == {"n": "w"}'
	skopeo copy -q "oci:out:localhost/kubestamp/x:1" dir:copied
	skopeo copy -q "oci:out:localhost/kubestamp/x:1" oci-archive:copied.tar
	# The digests of the uncompressed layers are those in the configuration.
	local i
	for i in 0 1; do
		[ "$(zstd -dc "$(layer out localhost/kubestamp/x:1 $i)" | sha256sum | cut -d' ' -f1)" = \
			"$(jq -r ".rootfs.diff_ids[$i]" <<< "$output" | cut -d: -f2)" ]
	done
}

@test "a tree's layer: sorted, owned by 0:0, one time, hard links, modes" {
	SOURCE_DATE_EPOCH=86400 ocipack -t x --tree tree out
	run -0 bash -c "zstd -dc $(layer out x 0) | TZ=UTC tar -tvf - --numeric-owner | sed 's/  */ /g'"
	[ "$output" = "drwxr-xr-x 0/0 0 1970-01-02 00:00 bin/
lrwxrwxrwx 0/0 0 1970-01-02 00:00 bin/link -> ../etc/hello
-rwsr-xr-x 0/0 10 1970-01-02 00:00 bin/run
drwxrwxrwt 0/0 0 1970-01-02 00:00 empty/
drwxr-xr-x 0/0 0 1970-01-02 00:00 etc/
drwxr-xr-x 0/0 0 1970-01-02 00:00 etc/deep/
-rw-r--r-- 0/0 6 1970-01-02 00:00 etc/deep/again
hrw-r--r-- 0/0 0 1970-01-02 00:00 etc/hello link to etc/deep/again" ]
	[ "$(config out x | jq -r .created)" = 1970-01-02T00:00:00Z ]
}

@test "the same digests from another directory, after touch, with any number of jobs, of any user's umask" {
	local i
	head -c 20000000 /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 2> /dev/null > tree/big
	for i in 1 2 3; do
		echo "$i" > "file$i"
	done
	set -- --tree tree=a --file file1=1 --compress gzip --file file2=2 --tree tree --compress none --file file3=3/3
	ocipack -j 1 -t x --json "$@" one > one.json
	ocipack -j 4 -t x --json "$@" four > four.json
	cp -a . "$BATS_TEST_TMPDIR/../elsewhere"
	cd "$BATS_TEST_TMPDIR/../elsewhere"
	find . -exec touch -h {} +
	(umask 077 && ocipack -j 3 -t x --json "$@" --env A=1 other > /dev/null)
	(umask 077 && ocipack -j 8 -t x --json "$@" other > other.json)
	cmp "$BATS_TEST_TMPDIR/one.json" "$BATS_TEST_TMPDIR/four.json"
	cmp "$BATS_TEST_TMPDIR/one.json" other.json
	rm -rf "$BATS_TEST_TMPDIR/../elsewhere"
}

@test "compression: the media types say what the layers are; a lone file is at offset 512 of a plain one" {
	ocipack -t x --file tree/etc/hello=a --compress gzip --file tree/etc/hello=b --compress none --file tree/etc/hello=c out
	run -0 bash -c "skopeo inspect --raw oci:out:x | jq -r '.layers[].mediaType' | sed 's/.*v1.//' | xargs"
	[ "$output" = "tar+zstd tar+gzip tar" ]
	zstd -tq "$(layer out x 0)"
	gzip -t < "$(layer out x 1)"
	[ "$(tail -c +513 "$(layer out x 2)" | head -1)" = hello ]
}

@test "owners, prefixes and patterns apply to the layers that follow" {
	mkdir -p tree/var/cache/apt/x
	touch tree/var/cache/apt/x/y tree/var/cache/z
	ocipack -t x --compress none --tree tree --owner 7:8 --exclude 'var/cache/apt/*' --exclude bin --tree tree=/opt//./p/ out
	run -0 tar -tf "$(layer out x 0)"
	[[ $output == *var/cache/apt/x/y* ]]
	run -0 bash -c "tar -tvf $(layer out x 1) --numeric-owner | awk '{ print \$2, \$6 }' | xargs"
	[ "$output" = "7/8 opt/ 7/8 opt/p/ 7/8 opt/p/empty/ 7/8 opt/p/etc/ 7/8 opt/p/etc/deep/ 7/8 opt/p/etc/deep/again 7/8 opt/p/etc/hello 7/8 opt/p/var/ 7/8 opt/p/var/cache/ 7/8 opt/p/var/cache/apt/ 7/8 opt/p/var/cache/z" ]
}

@test "capabilities, user attributes, whiteouts and devices are preserved; sockets are left out" {
	need_root "capabilities and devices"
	setcap cap_net_raw+ep tree/bin/run
	# tar can set attributes without setfattr.
	tar -C tree --format=posix --pax-option SCHILY.xattr.user.two:=2,SCHILY.xattr.user.one:=1,SCHILY.xattr.trusted.x:=3 \
		-cf - etc/hello | tar -C tree --xattrs --xattrs-include="*" -xf -
	ln -f tree/etc/hello tree/etc/deep/again
	mknod tree/etc/gone c 0 0
	mknod tree/etc/null c 1 3
	mkfifo tree/etc/pipe
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "tree/socket", Listen => 1) or die'
	chown 12:34 tree/etc/null
	run -0 ocipack -v --owner keep -t x --compress none --tree tree out
	[ "$output" = "ocipack: tree/./socket: socket left out" ] || [ "$output" = "ocipack: tree/socket: socket left out" ]
	mkdir root
	tar -xpf "$(layer out x 0)" -C root --xattrs --xattrs-include='*' --numeric-owner
	[ "$(getcap root/bin/run)" = "root/bin/run cap_net_raw=ep" ]
	# tar sees only the kept attributes in the layer, sorted.
	run -0 bash -c "tar --xattrs --xattrs-include='*' -tvvf $(layer out x 0) | sed -n 's/^ *x: *//p' | xargs"
	[ "$output" = "20 security.capability 1 user.one 1 user.two" ]
	[ "$(stat -c '%F %t,%T' root/etc/gone)" = "character special file 0,0" ]
	[ "$(stat -c '%F %t,%T %u:%g' root/etc/null)" = "character special file 1,3 12:34" ]
	[ -p root/etc/pipe ]
	[ ! -e root/socket ]
	[ root/etc/hello -ef root/etc/deep/again ]
	# The same through an archive, including owners.
	ocipack -t y --compress none --tar "$(layer out x 0)" again
	tar -df "$(layer again y 0)" -C root --numeric-owner
	tar --xattrs --xattrs-include='*' -tvvf "$(layer again y 0)" | grep -q security.capability
}

@test "an archive is rewritten: pax, GNU and compressed ones, from a file and from standard input" {
	long=$(printf 'n%.0s' {1..200})
	touch "tree/$long" "tree/sp ace" 'tree/gr\303\274n' "tree/$(printf 'gr\303\274n')" "tree/$(printf 'raw\377')"
	tar -C tree --format=gnu --sort=name -czf gnu.tgz .
	tar -C tree --format=posix --sort=name -cf - . > pax.tar
	ocipack -t gnu --compress none --owner 0:0 --tar gnu.tgz out
	ocipack -t pax --compress none --owner 0:0 --tar - out < pax.tar
	[ "$(layer out gnu 0)" = "$(layer out pax 0)" ]
	mkdir root
	tar -xpf "$(layer out gnu 0)" -C root
	diff -r --no-dereference tree root
	[ root/etc/hello -ef root/etc/deep/again ]
	# The locale does not matter.
	LC_ALL=C ocipack -t c --compress none --tree tree out
	LC_ALL=C.UTF-8 ocipack -t u --compress none --tree tree out
	[ "$(layer out c 0)" = "$(layer out u 0)" ]
}

@test "an archive that is damaged or points outside the image: exit 2" {
	tar -C tree -cf ok.tar .
	head -c 2000 ok.tar > cut.tar
	head -c 100000 /dev/urandom > noise.tar
	tar -C tree -cPf evil.tar --transform 's,^./etc,../etc,' ./etc/hello
	local f
	for f in cut noise evil; do
		run -2 ocipack -t x --tar "$f.tar" out
		[[ $output == "ocipack: $f.tar: "* ]]
	done
	[ "$(ocipack --list out)" = "" ]
	ocipack -t x --tar ok.tar out
	sound out
}

# evil NAME TYPE LINK [NAME TYPE LINK]...: print an archive with these entries. TYPE: f(ile), l(ink), h(ard link).
evil() {
	perl -e 'while (@ARGV) {
		my ($name, $type, $link) = splice @ARGV, 0, 3;
		my $h = pack "a100 a8 a8 a8 a12 a12 a8 a1 a100 a8 a32 a32 a8 a8 a155 x12", $name, "0000644\0", "0000000\0",
			"0000000\0", "00000000000\0", "00000000000\0", " " x 8, { f => 0, h => 1, l => 2 }->{$type}, $link,
			"ustar\0" . "00", "", "", "", "", "";
		substr($h, 148, 8) = sprintf "%06o\0 ", unpack "%32C*", $h;
		print $h;
	} print "\0" x 1024' "$@"
}

@test "a hostile archive: absolute names, links that point outside, entries below links" {
	refused() {
		local text=$1
		shift
		evil "$@" > evil.tar
		run -2 ocipack -t x --tar evil.tar out
		[ "$output" = "ocipack: evil.tar: $text" ] || { echo "got: $output"; return 1; }
	}
	refused "/etc/passwd: not a valid path in an image" /etc/passwd f ""
	refused "a/../../b: not a valid path in an image" a/../../b f ""
	refused "a: link points outside the image" a l ../etc
	refused "a/b: link points outside the image" a/b l x/../../../etc
	refused "b: link points outside the image" b h ../a
	refused "b: link points outside the image" b h /etc/passwd
	refused "a/passwd: below a symbolic link" a l /etc a/passwd f ""
	refused "a/b/c/passwd: below a symbolic link" a/b l / a/b/c/passwd f ""
	refused "b: below a symbolic link" a l /etc b h a/passwd
	[ "$(ocipack --list out)" = "" ]
	# Harmless: links within the image, and a name that is no longer a link.
	evil a/b l ../c d l /etc d f "" d/e f "" a/bb f "" > good.tar
	ocipack -t x --compress none --tar good.tar out
	[ "$(tar -tf "$(layer out x 0)" | xargs)" = "a/b d d d/e a/bb" ]
	# Trees are checked as well.
	ln -s ../../outside tree/bin/out
	run -1 ocipack -t x --tree tree out
	[ "$output" = "ocipack: tree/./bin/out: link points outside the image" ]
	# Below a prefix the link stays inside.
	ocipack -t x --tree tree=a out
}

@test "a file that claims 2^63 bytes, and a decompression bomb: refused before anything is written (--max-size)" {
	truncate -s 10T tree/huge
	run -1 timeout 20 ocipack -t x --tree tree out
	[ "$output" = "ocipack: tree/./huge: larger than 68719476736 bytes" ]
	rm tree/huge
	# A size of 2^63 - 1, in base 256, and one of 2^64 - 1.
	local size
	for size in '\200\0\0\0\177\377\377\377\377\377\377\377' '\200\0\0\0\377\377\377\377\377\377\377\377'; do
		perl -e 'my $h = pack "a100 a8 a8 a8 a12 a12 a8 a1 x355", "huge", "0000644\0", "0000000\0", "0000000\0",
			eval(qq("$ARGV[0]")), "00000000000\0", " " x 8, 0;
			substr($h, 148, 8) = sprintf "%06o\0 ", unpack "%32C*", $h; print $h, "\0" x 4096' "$size" > huge.tar
		run -2 timeout 20 ocipack -t x --tar huge.tar out
		[[ $output == "ocipack: huge.tar: "* ]]
	done
	# A sparse file of an archive of 10 KiB; zeros that are compressed.
	truncate -s 100G sparse
	tar --sparse --format=posix -cf sparse.tar sparse
	run -2 timeout 20 ocipack -t x --tar sparse.tar out
	[ "$output" = "ocipack: sparse.tar: sparse: larger than 68719476736 bytes" ]
	truncate -s 20M zeros
	tar -cf - zeros | zstd -q > zeros.tar.zst
	run -2 ocipack -t x --max-size 10M --tar zeros.tar.zst out
	[ "$output" = "ocipack: zeros.tar.zst: zeros: larger than 10485760 bytes" ]
	# Headers count too: many small files exceed the limit.
	mkdir many
	(cd many && seq 1 300 | xargs touch)
	run -1 ocipack -t x --max-size 100K --tree many out
	[ "$output" = "ocipack: many: larger than 102400 bytes" ]
	[ "$(ocipack --list out)" = "" ]
	ocipack -t x --max-size 21M --tar zeros.tar.zst --max-size 200K --tree many out
}

@test "sparse files: holes are zeros in the layer, from trees and from archives" {
	truncate -s 5M tree/sparse
	echo middle | dd of=tree/sparse bs=1 seek=2000000 conv=notrunc status=none
	truncate -s 3M tree/empty/hole
	tar -C tree --sparse --format=posix -cf pax.tar sparse empty/hole
	tar -C tree --sparse --format=gnu -cf gnu.tar sparse empty/hole
	local t
	ocipack -t tree --compress none --tree tree out
	ocipack -t pax --compress none --tar pax.tar out
	ocipack -t gnu --compress none --tar gnu.tar out
	for t in tree pax gnu; do
		mkdir "root$t"
		tar -xf "$(layer out $t 0)" -C "root$t"
		cmp tree/sparse "root$t/sparse"
		cmp tree/empty/hole "root$t/empty/hole"
	done
}

@test "--devices refuse: trees and archives with devices are an error" {
	need_root "devices"
	mknod tree/etc/null c 1 3
	mkfifo tree/etc/pipe
	tar -C tree -cf dev.tar etc/null
	run -1 ocipack -t x --devices refuse --tree tree out
	[ "$output" = "ocipack: tree/./etc/null: is a device" ]
	run -2 ocipack -t x --devices refuse --tar dev.tar out
	[ "$output" = "ocipack: dev.tar: etc/null: is a device" ]
	ocipack -t x --devices refuse --tree tree/empty --devices keep --tree tree --tar dev.tar out
	rm tree/etc/null
	ocipack -t x --devices refuse --tree tree out
}

@test "--index: images of several platforms under one name; annotations of layers and of the index" {
	ocipack -t a --arch amd64 --tree tree --layer-annotation k=v --layer-annotation l=w --file tree/bin/run=run out
	ocipack -t b --from a --arch arm64 --variant v8 --file tree/bin/run=more out
	skopeo inspect --raw oci:out:a | jq -e '[.layers[].annotations] == [null, {"k": "v", "l": "w"}]'
	# The annotations of a base's layers are kept.
	skopeo inspect --raw oci:out:b | jq -e '[.layers[].annotations] == [null, {"k": "v", "l": "w"}, null]'
	run -0 ocipack -t multi --index a --index b --annotation n=1 --json out
	[ "$(jq -r .index <<< "$output")" = "$(ocipack --list out | awk '$1 == "multi" { print $2 }')" ]
	skopeo inspect --raw oci:out:multi | jq -e '.annotations == {"n": "1"} and [.manifests[].platform] ==
		[{"architecture": "amd64", "os": "linux"}, {"architecture": "arm64", "os": "linux", "variant": "v8"}]'
	[ "$(skopeo inspect --override-arch arm64 --config oci:out:multi | jq -r .architecture)" = arm64 ]
	skopeo copy -q --all oci:out:multi dir:copied
	# Images that the index names are not pruned.
	ocipack -t a --file tree/bin/run=other --prune out
	skopeo copy -q --all oci:out:multi dir:again
	ocipack -t c --from b out
	run -2 ocipack -t m --index b --index c out
	[ "$output" = "ocipack: 'c' is for the same platform as another image" ]
	run -2 ocipack -t m --index none out
	[ "$output" = "ocipack: out: no image 'none'" ]
	run -2 ocipack -t m --index multi out
	[[ $output == "ocipack: out: multi: "* ]]
}

@test "--from: a chain in one layout and across layouts; the configuration is inherited" {
	ocipack -t base --tree tree --entrypoint /bin/run --cmd old --env A=1 --env B=2 --label l=1 --annotation gone=1 one
	ocipack --from base -t mid:1 --file tree/etc/hello=mid --env A=3 --env C=4 --label m=2 one
	ocipack --from one:mid:1 -t top --file tree/bin/run=top --entrypoint /new two
	run -0 config two top
	[ "$(jq -cS .config <<< "$output")" = '{"Entrypoint":["/new"],"Env":["A=3","B=2","C=4"],"Labels":{"l":"1","m":"2"}}' ]
	[ "$(jq '.history | length' <<< "$output")" = 3 ]
	sound two
	skopeo inspect --raw oci:two:top | jq -e '.annotations == null and (.layers | length) == 3'
	skopeo copy -q oci:two:top dir:copied
	# On the same file system the base's layers are hard links.
	[ "$(layer one base 0)" -ef "$(layer two top 0)" ]
	# No layers are needed to set another name or configuration.
	ocipack --from top -t same two
	[ "$(ocipack --list two | cut -d' ' -f2 | uniq | wc -l)" = 1 ]
	run -2 ocipack --from nothing -t x two
	[ "$output" = "ocipack: two: no image 'nothing'" ]
}

@test "--from an image that skopeo wrote, and one whose blobs are damaged or missing" {
	ocipack -t x --compress gzip --tree tree out
	skopeo copy -q oci:out:x oci:theirs:y
	ocipack --from theirs:y -t z --file tree/etc/hello=z mine
	skopeo copy -q oci:mine:z dir:copied
	local config
	config=theirs/blobs/sha256/$(skopeo inspect --raw oci:theirs:y | jq -r .config.digest | cut -d: -f2)
	sed -i 's/amd64/AMD64/' "$config"
	run -2 ocipack --from theirs:y -t bad mine
	[[ $output == "ocipack: $config: contents do not match the digest" ]]
	rm "$(layer out x 0)"
	run -1 ocipack --from out:x -t bad mine
	[[ $output == "ocipack: out/blobs/"*"No such file"* ]]
	[ "$(ocipack --list mine | cut -d' ' -f1)" = z ]
}

@test "a tag is replaced, others stay; --list and --prune; --json has the digests" {
	ocipack -t a --tree tree out
	ocipack -t b --file tree/etc/hello=b out
	ocipack -t a --file tree/bin/run=a --json out > a.json
	run -0 ocipack --list out
	[ "$output" = "b $(skopeo inspect oci:out:b | jq -r .Digest)
a $(jq -r .manifest a.json)" ]
	[ "$(jq -r '.layers[0].digest' a.json | cut -d: -f2)" = "$(basename "$(layer out a 0)")" ]
	[ "$(jq -r '.layers[0].size' a.json)" = "$(stat -c %s "$(layer out a 0)")" ]
	[ "$(jq -r '.layers[0].diffid' a.json)" = "$(config out a | jq -r '.rootfs.diff_ids[0]')" ]
	[ "$(jq -r '.config' a.json)" = "$(skopeo inspect --raw oci:out:a | jq -r .config.digest)" ]
	[ "$(blobs out)" = 9 ]
	touch out/blob.7.tmp.1
	run -0 ocipack --prune out
	[ -z "$output" ]
	[ "$(blobs out)" = 6 ]
	sound out
	skopeo copy -q oci:out:a dir:a
	skopeo copy -q oci:out:b dir:b
	# A document that cannot be read might refer to blobs: nothing is removed.
	local manifest
	manifest=out/blobs/sha256/$(jq -r .manifest a.json | cut -d: -f2)
	echo >> "$manifest"
	ocipack -t b --file tree/bin/run=b out
	run -1 ocipack --prune out
	[ "$(blobs out)" = 9 ]
}

@test "a full disk: exit 1, the layout is unchanged and nothing is left" {
	need_root "a tmpfs"
	mkdir small
	mount -t tmpfs -o size=1m,mode=755 none small
	ocipack -t ok --tree tree small/out
	cp small/out/index.json before
	find small/out -type f | sort > files
	head -c 3000000 /dev/urandom > big
	run -1 ocipack -j 2 -t big --file tree/bin/run=run --file big=big --file big=big2 small/out
	[[ $output == *"No space left on device" ]]
	cmp before small/out/index.json
	ocipack --prune small/out
	find small/out -type f | sort | cmp files
	ocipack -t more --file tree/etc/hello=more small/out
	sound small/out
	umount small
	rmdir small
}

@test "killed midway: the index is valid; with SIGTERM nothing unfinished is left" {
	ocipack -t ok --tree tree out
	cp out/index.json before
	mkfifo pipe
	local sig pid
	for sig in KILL TERM; do
		ocipack -t late --file tree/bin/run=run --tar - out < pipe 3>&- &
		pid=$!
		keep_pid "$pid"
		exec 9> pipe
		wait_for 10 bash -c 'ls out/blob.*'
		kill -"$sig" "$pid"
		wait "$pid" || [ $? -gt 128 ]
		exec 9>&-
		cmp before out/index.json
		[ "$sig" = KILL ] || run ! bash -c "ls out/blob.*.tmp.$pid"
	done
	skopeo inspect oci:out:ok > /dev/null
	ocipack --prune out
	sound out
}

@test "several processes on one layout: no image is lost; --prune waits for those that add blobs" {
	local i pids=() pid
	for i in 1 2 3 4 5 6; do
		ocipack -t "t$i" --file tree/etc/hello="f$i" out 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	[ "$(ocipack --list out | wc -l)" = 6 ]
	sound out
	mkfifo pipe
	ocipack -t slow --tar - out < pipe 3>&- &
	pid=$!
	keep_pid "$pid"
	exec 9> pipe
	wait_for 10 bash -c 'ls out/blob.*'
	run -124 ocipack --prune --timeout 1 out
	[[ $output == "ocipack: out: "*locked ]]
	tar -C tree -cf - . >&9
	exec 9>&-
	wait "$pid"
	[ "$(ocipack --list out | wc -l)" = 7 ]
}

@test "errors name the bad option or input" {
	expect() {
		local code=$1 text=$2
		shift 2
		run -"$code" ocipack "$@"
		[[ ${lines[0]} == "ocipack: "$text ]] || { echo "got: $output"; return 1; }
	}
	expect 2 "expected one operand: the directory*" -t x
	expect 2 "nothing to do*" out
	expect 2 "the image has no layers*" -t x out
	expect 2 "--tag is required*" --tree tree out
	expect 2 "'../x' is not a valid name*" -t ../x --tree tree out
	expect 2 "unknown compression 'xz'*" -t x --compress xz --tree tree out
	expect 2 "owner 'root'*" -t x --owner root --tree tree out
	expect 2 "'../up' is not a valid path*" -t x --tree tree=../up out
	expect 2 "'tree/bin/run' is not SRC=DEST*" -t x --file tree/bin/run out
	expect 2 "'A' is not NAME=VALUE" -t x --tree tree --env A out
	expect 2 "'80/xyz' is not PORT*" -t x --tree tree --port 80/xyz out
	expect 2 "number of jobs '0'*" -t x -j 0 --tree tree out
	expect 2 "standard input*" -t x --tar - --tar - out
	expect 2 "--list cannot*" --list -t x out
	expect 2 "devices 'no'*" -t x --devices no --tree tree out
	expect 2 "'1X' is not a size" -t x --max-size 1X --tree tree out
	expect 2 "'k' is not NAME=VALUE" -t x --layer-annotation k --tree tree out
	expect 2 "--index cannot be combined with*" -t x --index a --tree tree out
	expect 2 "--disk cannot be combined with*" -t x --disk a --env A=1 out
	expect 2 "--subject requires*" -t x --tree tree --subject a out
	expect 2 "'-x' is not a disk format*" -t x --disk a=-x out
	expect 2 "*UTF-8" -t x --tree tree --label "a=$(printf '\377')" out
	SOURCE_DATE_EPOCH=now expect 2 "SOURCE_DATE_EPOCH: 'now'*" -t x --tree tree out
	[ ! -e out ]
	expect 1 "absent: No such file or directory" -t x --tree absent out
	expect 1 "absent: No such file or directory" -t x --file absent=x out
	expect 1 "tree/etc: not a regular file" -t x --file tree/etc=x out
	expect 1 "tree/bin/run: Not a directory" -t x --tree tree/bin/run out
	expect 1 "tree: neither empty nor an OCI layout" -t x --tree tree tree
	expect 1 "nowhere: No such file or directory" --list nowhere
	echo '{"schemaVersion":2,"manifests":[{"digest":"sha256:../../x"}]}' > out/index.json
	expect 1 "out/index.json: manifests?0?: *" -t x --tree tree out
}
