# vmstate: the files of a saved machine.
# shellcheck disable=SC2030,SC2031
load lib/common

# A saved machine in `d`: RAM of a little more than 10 blocks of 4 MiB, few of them with data; device state; a description.
setup() {
	mkdir "$BATS_TEST_TMPDIR/in"
	cd "$BATS_TEST_TMPDIR/in" || return
	mkdir d
	ram 42000000 0 4000 4194304 20000000 41999999
	# Its first bytes are known, so that poke changes them.
	{ printf 'device state'; head -c 100000 /dev/urandom; } > d/state
	echo '{"format":1}' > d/vm.json
}

teardown() { end_kept; }

# ram SIZE OFFSET...: make d/ram with some bytes at each offset.
ram() {
	local at
	truncate -s "$1" d/ram
	for at in "${@:2}"; do poke d/ram "$at" "data at $at"; done
	truncate -s "$1" d/ram
}

# poke FILE OFFSET TEXT: overwrite some bytes.
poke() { printf %s "$3" | dd of="$1" bs=64K seek="$2" oflag=seek_bytes conv=notrunc status=none; }

# copy_of DIR: make c a copy of DIR.
copy_of() {
	rm -rf c
	cp -a "$1" c
}

record() { run -0 --separate-stderr vmstate --record d ram state vm.json; }

# no DIR REASON: vmstate says no, for this reason.
no() {
	run -3 --separate-stderr timeout 60 vmstate "$1"
	echo "$stderr"
	[ -z "$output" ]
	[ "$stderr" = "vmstate: $1: $2" ]
}

is_good() {
	run -0 --separate-stderr vmstate "$1"
	[ -z "$output$stderr" ]
}

# space FILE: the space that it takes on the disk, in KiB.
space() { du -k "$1" | cut -f 1; }

# bytes_read COMMAND...: how many bytes it read, with read(2) and similar calls.
bytes_read() {
	# shellcheck disable=SC2016
	bash -c '"$@" > /dev/null || exit; sed -n "s/^rchar: //p" /proc/$$/io' bash "$@"
}

# digest FILE: its digest, as the man page defines it.
digest() {
	local size i n sum
	size=$(stat -c %s "$1")
	for ((i = 0; i * 4194304 < size; i++)); do
		n=$(tail -c "+$((i * 4194304 + 1))" "$1" | head -c 4194304 | tr -d '\0' | head -c 1 | wc -c)
		[ "$n" = 1 ] || continue
		sum=$(tail -c "+$((i * 4194304 + 1))" "$1" | head -c 4194304 | sha256sum | cut -d ' ' -f 1)
		printf '%016x%s' "$i" "$sum"
	done > hex
	printf '%016x' "$size" >> hex
	perl -ne 'print pack "H*", $_' hex | sha256sum | cut -d ' ' -f 1
}

# mid SIGNAL FILE COMMAND...: run COMMAND and send it SIGNAL as soon as FILE (a pattern) exists; retry if that was too late.
mid() {
	local signal=$1 file=$2 pid i
	shift 2
	for i in {1..20}; do
		"$@" 2> err 3>&- &
		pid=$!
		until compgen -G "$file" > /dev/null; do kill -0 "$pid" 2> /dev/null || break; done
		kill "-$signal" "$pid" 2> /dev/null || true
		wait "$pid" || [ $? -lt 128 ] || return 0
		rm -rf d e
		cp -a saved d
	done
	echo "the command ended too early $i times"
	return 1
}

# big: d/ram is 200 MB of incompressible data, packed; `saved` is a copy of d.
big() {
	head -c 200M /dev/urandom > d/ram
	record
	vmstate --pack d
	cp -a d saved
}

@test "recorded files are intact: exit 0 without output" {
	record
	[ -z "$output$stderr" ]
	is_good d
	[ "$(stat -c %a d/verified)" = 600 ]
}

@test "the digests are as the man page defines them" {
	record
	local f
	for f in ram state vm.json; do
		[ "$(perl -0777 -ne 'print $1 if /"name": "'"$f"'".*?"digest": "(\w+)"/s' d/files.json)" = "$(digest d/$f)" ]
	done
}

@test "an empty file, files of zeros, and sizes around that of a block" {
	local n
	mkdir z
	: > z/empty
	truncate -s 4194304 z/hole
	head -c 4194304 /dev/zero > z/zeros
	for n in 1 4194303 4194304 4194305 8388608; do
		truncate -s "$n" "z/hole$n"
		head -c "$n" /dev/urandom > "z/data$n"
	done
	# shellcheck disable=SC2046
	run -0 vmstate --record z $(cd z && echo *)
	is_good z
	[ "$(grep -c "$(digest z/hole)" z/files.json)" = 3 ]
	for n in $(cd z && echo [dehz]*); do
		cp "z/$n" want
		vmstate --pack --file "$n" z
		[ ! -e "z/$n" ]
		is_good z
		vmstate --unpack --file "$n" z
		cmp "z/$n" want
	done
	is_good z
}

@test "a changed byte: no, whatever the time stamp says" {
	record
	local f
	for f in ram state vm.json; do
		copy_of d
		is_good c
		poke c/$f 9 X
		touch -r d/$f c/$f
		no c "$f: its contents are not those that were saved"
	done
	# In a hole, and the last byte.
	for at in 13000000 41999999; do
		copy_of d
		poke c/ram $at X
		no c "ram: its contents are not those that were saved"
	done
}

@test "a file truncated, grown, missing, or not a plain file: no" {
	record
	copy_of d
	truncate -s -1 c/ram
	no c "ram: 41999999 bytes, but 42000000 when it was saved"
	truncate -s +2 c/ram
	no c "ram: 42000001 bytes, but 42000000 when it was saved"
	rm c/ram
	no c "ram: missing"
	mkfifo c/ram
	no c "ram: not a plain file"
	rm c/ram
	ln -s ../d/ram c/ram
	no c "ram: not a plain file"
	rm c/ram
	mkdir c/ram
	no c "ram: not a plain file"
}

@test "no manifest: no; no directory: an error" {
	no d "files.json: missing"
	run -1 --separate-stderr vmstate nowhere
	[ "$stderr" = "vmstate: nowhere: No such file or directory" ]
	run -1 --separate-stderr vmstate d/state
	[ "$stderr" = "vmstate: d/state: Not a directory" ]
}

@test "recording a missing file, a name twice or an invalid name: an error, and the old manifest stays" {
	record
	cp d/files.json old
	local args
	for args in 'none' 'ram ram' '../d/ram' '/etc/passwd' '.' 'files.json' 'verified' 'ram.tmp.1'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr vmstate --record d $args
		[[ $stderr == "vmstate: d: "* ]]
		cmp d/files.json old
	done
}

@test "the digest does not depend on where the holes are" {
	record
	mkdir c
	cp --sparse=never d/* c
	cp --sparse=always d/ram c/sparse
	[ "$(space c/ram)" -gt 40000 ]
	is_good c
	mv c/sparse c/ram
	is_good c
}

@test "a file is read again only if it has changed" {
	[ -r /proc/self/io ] || skip "this kernel does not count what a process reads"
	head -c 30M /dev/urandom > d/ram
	record
	[ "$(bytes_read vmstate d)" -lt 3000000 ]
	# Any change of ctime counts.
	chmod 640 d/ram
	[ "$(bytes_read vmstate d)" -gt 30000000 ]
	[ "$(bytes_read vmstate d)" -lt 3000000 ]
	copy_of d
	[ "$(bytes_read vmstate c)" -gt 30000000 ]
	[ "$(bytes_read vmstate c)" -lt 3000000 ]
	vmstate --pack d
	[ "$(bytes_read vmstate d)" -lt 3000000 ]
	vmstate --unpack d
	[ "$(bytes_read vmstate d)" -lt 3000000 ]
	vmstate --unpack -o e d
	[ "$(bytes_read vmstate e)" -lt 3000000 ]
	[ "$(bytes_read vmstate d)" -lt 3000000 ]
}

@test "a byte that changes right after the check is noticed" {
	record
	local i
	for i in {1..30}; do
		is_good d
		poke d/state 5 "$i"
		no d "state: its contents are not those that were saved"
		vmstate --record d ram state vm.json
		poke d/state 5 "x$i"
		no d "state: its contents are not those that were saved"
		vmstate --record d ram state vm.json
	done
}

@test "another user's table of verified files is not trusted" {
	[ "$(id -u)" = 0 ] || skip "only root can give a file away"
	[ -r /proc/self/io ] || skip "this kernel does not count what a process reads"
	head -c 30M /dev/urandom > d/ram
	record
	chown 1 d/verified
	[ "$(bytes_read vmstate d)" -gt 30000000 ]
	[ "$(bytes_read vmstate d)" -lt 3000000 ]
}

@test "a damaged table of verified files is ignored" {
	record
	poke d/ram 4000 X
	local text
	for text in '' '[]' '{' 'null' '{"ram":1}' '{"ram":{},"state":[]}' "$(head -c 2000000 /dev/zero | tr '\0' ' ')"; do
		printf %s "$text" > d/verified
		no d "ram: its contents are not those that were saved"
	done
	rm d/verified
	mkfifo d/verified
	no d "ram: its contents are not those that were saved"
	poke d/ram 4000 d
	is_good d
	[ -p d/verified ]
}

@test "a read-only directory is verified all the same" {
	record
	rm d/verified
	unshare -rm mount --bind d d 2> /dev/null || skip "no file system can be mounted"
	# shellcheck disable=SC2016
	run -0 --separate-stderr unshare -rm bash -c 'mount --bind d d && mount -o remount,bind,ro d && "$0" d' "$BIN/vmstate"
	[ -z "$output$stderr" ]
	[ ! -e d/verified ]
	poke d/state 5 X
	# shellcheck disable=SC2016
	run -3 unshare -rm bash -c 'mount --bind d d && mount -o remount,bind,ro d && "$0" d' "$BIN/vmstate"
}

@test "packing and unpacking a file keeps its contents and its holes" {
	record
	cp d/ram want
	local before
	before=$(space d/ram)
	run -0 --separate-stderr vmstate --pack d
	[ -z "$output$stderr" ]
	[ ! -e d/ram ]
	[ "$(space d/ram.zst)" -lt 100 ]
	is_good d
	run -0 --separate-stderr vmstate --unpack d
	[ -z "$output$stderr" ]
	cmp d/ram want
	[ "$(space d/ram)" -le $((before + 64 * 5)) ]
	[ "$(cd d && echo *)" = "files.json ram state verified vm.json" ]
	is_good d
	run ! grep packed d/files.json
}

@test "4 GiB of holes: packed and unpacked quickly, and small" {
	ram 4294967296 4294967290
	record
	timeout 30 "$BIN/vmstate" --pack d
	[ "$(space d/ram.zst)" -lt 1000 ]
	timeout 30 "$BIN/vmstate" --unpack d
	[ "$(stat -c %s d/ram)" = 4294967296 ]
	[ "$(space d/ram)" -lt 1000 ]
	is_good d
}

@test "zstd(1) unpacks it too" {
	command -v zstd > /dev/null || skip "zstd is not installed"
	record
	vmstate --pack --keep d
	zstd -dcq d/ram.zst | cmp - d/ram
	: > d/ram
	vmstate --record d ram
	vmstate --pack --keep d
	zstd -dcq d/ram.zst | cmp - d/ram
}

@test "--keep keeps the other form; an intact form is not made again" {
	record
	vmstate --pack --keep d
	cmp d/ram <(vmstate --unpack --keep d && cat d/ram)
	local raw packed
	raw=$(stat -c '%i %y' d/ram) packed=$(stat -c '%i %y' d/ram.zst)
	vmstate --pack --keep d
	vmstate --unpack --keep d
	[ "$(stat -c '%i %y' d/ram)" = "$raw" ]
	[ "$(stat -c '%i %y' d/ram.zst)" = "$packed" ]
	# One intact form is enough.
	rm d/ram
	is_good d
	vmstate --unpack --keep d
	is_good d
	vmstate --unpack d
	[ ! -e d/ram.zst ]
	is_good d
	run -1 --separate-stderr vmstate --pack --file none d
	[ "$stderr" = "vmstate: d: none: no such file in the manifest" ]
}

@test "packed files that are changed, truncated or missing: no, and not unpacked" {
	record
	vmstate --pack d
	local size
	size=$(stat -c %s d/ram.zst)
	copy_of d
	poke c/ram.zst 40 X
	no c "ram.zst: its contents are not those that were saved"
	run -1 --separate-stderr vmstate --unpack c
	[[ $stderr == "vmstate: c: ram.zst: "* ]]
	[ "$(cd c && echo *)" = "files.json ram.zst state verified vm.json" ]
	copy_of d
	truncate -s -1 c/ram.zst
	no c "ram.zst: $((size - 1)) bytes, but $size when it was saved"
	run -1 vmstate --unpack c
	[ ! -e c/ram ]
	rm c/ram.zst
	no c "ram: missing, and so is ram.zst"
	run -1 --separate-stderr vmstate --unpack c
	[ "$stderr" = "vmstate: c: ram.zst: missing" ]
}

@test "changed RAM is not packed, and unpacking replaces it" {
	record
	copy_of d
	poke c/ram 4001 X
	run -1 --separate-stderr vmstate --pack c
	[ "$stderr" = "vmstate: c: ram: its contents are not those that were saved" ]
	[ "$(cd c && echo *)" = "files.json ram state verified vm.json" ]
	vmstate --pack --keep d
	poke d/ram 4001 X
	vmstate --unpack --keep d
	is_good d
}

@test "kill -9 in the middle: the packed form is kept, and the next run makes the raw one" {
	big
	mid KILL 'd/ram.tmp.*' vmstate --unpack d
	[ ! -e d/ram ]
	compgen -G 'd/ram.tmp.*'
	is_good d
	vmstate --unpack d
	[ "$(cd d && echo *)" = "files.json ram state verified vm.json" ]
	is_good d
	rm -rf saved
	cp -a d saved
	mid KILL 'd/ram.zst.tmp.*' vmstate --pack d
	compgen -G 'd/ram.zst.tmp.*'
	is_good d
	vmstate --pack d
	[ "$(cd d && echo *)" = "files.json ram.zst state verified vm.json" ]
	is_good d
}

@test "SIGTERM and SIGINT in the middle: nothing is changed" {
	big
	local signal
	for signal in TERM INT; do
		mid "$signal" 'd/ram.tmp.*' vmstate --unpack d
		[ "$(cd d && echo *)" = "files.json ram.zst state verified vm.json" ]
		mid "$signal" 'e.tmp.*/ram.tmp.*' vmstate --unpack -o e d
		[ ! -e e ]
		run ! compgen -G 'e.tmp.*'
	done
	is_good d
}

@test "a full disk: an error, no unfinished file is left, nothing is lost" {
	unshare -rm mount -t tmpfs -o size=4k none d 2> /dev/null || skip "no file system can be mounted"
	head -c 12M /dev/urandom > d/ram
	record
	vmstate --pack --keep d
	mkdir small
	# shellcheck disable=SC2016
	local in='mount -t tmpfs -o size=16m none small && cp -a d small && cd small && "$0" "$@"; rc=$?; cd d && echo *; exit $rc'
	rm d/ram.zst
	run -1 --separate-stderr unshare -rm bash -c "$in" "$BIN/vmstate" --pack d
	[[ $stderr == "vmstate: d"*"No space left on device" ]]
	[ "$output" = "files.json ram state verified vm.json" ]
	vmstate --pack d
	run -1 --separate-stderr unshare -rm bash -c "$in" "$BIN/vmstate" --unpack d
	[[ $stderr == "vmstate: d"*"No space left on device" ]]
	[ "$output" = "files.json ram.zst state verified vm.json" ]
	run -1 --separate-stderr unshare -rm bash -c "$in; echo ../*" "$BIN/vmstate" --unpack -o e d
	[[ $stderr == "vmstate: d"*"No space left on device" ]]
	[ "$output" = "files.json ram.zst state verified vm.json" ]
}

@test "-o: a copy with packed files unpacked, and hard links to the others" {
	record
	cp d/ram want
	vmstate --pack d
	run -0 --separate-stderr vmstate --unpack -o e d
	[ -z "$output$stderr" ]
	[ "$(cd e && echo *)" = "files.json ram state verified vm.json" ]
	cmp e/ram want
	[ "$(space e/ram)" -lt 1000 ]
	[ e/state -ef d/state ]
	is_good e
	is_good d
	[ "$(cd d && echo *)" = "files.json ram.zst state verified vm.json" ]
	[ "$(stat -c %a e)" = "$(stat -c %a d)" ]
	run -1 --separate-stderr vmstate --unpack -o e d
	[ "$stderr" = "vmstate: e: already exists" ]
	run -1 --separate-stderr vmstate --unpack -o none/e/ d
	[[ $stderr == "vmstate: none/e.tmp."*": No such file or directory" ]]
}

@test "-o on another file system: copies that are as sparse" {
	unshare -rm mount -t tmpfs -o size=4k none d 2> /dev/null || skip "no file system can be mounted"
	record
	mkdir other
	# shellcheck disable=SC2016
	run -0 --separate-stderr unshare -rm bash -c 'mount -t tmpfs -o size=64m none other && "$0" --unpack -o other/e d && "$0" other/e &&
		cmp d/ram other/e/ram && cmp d/state other/e/state && du -k other/e/ram | cut -f 1; ls other' "$BIN/vmstate"
	[ "${lines[0]}" -lt 1000 ]
	[ "${lines[1]}" = e ]
	poke d/state 7 X
	# shellcheck disable=SC2016
	run -1 --separate-stderr unshare -rm bash -c 'mount -t tmpfs -o size=64m none other && "$0" --unpack -o other/e d; rc=$?; ls other; exit $rc' \
		"$BIN/vmstate"
	[ "$stderr" = "vmstate: d: state: its contents are not those that were saved" ]
	[ -z "$output" ]
}

@test "-o with changed files: nothing is left" {
	record
	vmstate --pack d
	poke d/state 7 X
	run -1 --separate-stderr vmstate --unpack -o e d
	[ "$stderr" = "vmstate: d: state: its contents are not those that were saved" ]
	[ "$(echo e*)" = "e*" ]
	poke d/ram.zst 30 X
	run -1 --separate-stderr vmstate --unpack -o e d
	[[ $stderr == "vmstate: d: ram.zst: "* ]]
	[ "$(echo e*)" = "e*" ]
}

@test "-o killed: the next run removes its leftovers, but no directory that another process still fills" {
	big
	mid KILL 'e.tmp.*/ram.tmp.*' vmstate --unpack -o e d
	[ ! -e e ]
	compgen -G 'e.tmp.*'
	mkdir e.tmp.999 e.tmp.x ee.tmp.9
	echo 1 > e.tmp.999/f
	flock e.tmp.999 sleep 60 3>&- &
	keep_pid $!
	wait_for 5 eval '! flock -n e.tmp.999 true'
	vmstate --unpack -o e/ d
	[ "$(echo e*)" = "e e.tmp.999 e.tmp.x ee.tmp.9 err" ]
	is_good e
}

@test "two at the same time: one waits, both succeed" {
	big
	run -124 flock d timeout 1 "$BIN/vmstate" d
	run -124 flock d timeout 1 "$BIN/vmstate" --unpack d
	[ ! -e d/ram ]
	vmstate --unpack d 3>&- &
	vmstate --unpack d
	wait $!
	is_good d
	[ "$(cd d && echo *)" = "files.json ram state verified vm.json" ]
}

# manifest TEXT: d's manifest becomes {"format":1,"files":[TEXT]}.
manifest() { printf '{"format":1,"files":[%s]}' "$1" > d/files.json; }

@test "a hostile manifest: no, an error to pack or unpack, and nothing is written" {
	record
	vmstate --pack --keep d
	local x hex bad before
	x=$(printf '%064d' 0) hex='"digest":"'$x'"'
	tree() { find . -type f ! -name files.json ! -name verified -printf '%p %i %s %T@\n' | sort; }
	before=$(tree)
	for bad in '{"name":"../x","size":1,'"$hex"'}' '{"name":"/x","size":1,'"$hex"'}' '{"name":"..","size":1,'"$hex"'}' \
		'{"name":"","size":1,'"$hex"'}' '{"name":"files.json","size":1,'"$hex"'}' '{"name":"ram","size":-1,'"$hex"'}' \
		'{"name":"ram","size":9223372036854775807,'"$hex"'}' '{"name":"ram","size":99999999999999999999,'"$hex"'}' \
		'{"name":"ram","size":1.5,'"$hex"'}' '{"name":"ram","size":"1",'"$hex"'}' '{"name":"ram","size":1}' \
		'{"name":"ram","size":1,"digest":"'"${x%0}G"'"}' '{"name":"ram","size":1,"digest":7}' '{"name":7,"size":1,'"$hex"'}' \
		'{"name":"a\u0000b","size":1,'"$hex"'}' '{"name":"a\nb","size":1,'"$hex"'}' 'null' '[]' '1' \
		'{"name":"ram","size":1,'"$hex"'},{"name":"ram","size":1,'"$hex"'}' '{"name":"ram","name":"ram","size":1,'"$hex"'}' \
		'{"name":"ram","size":1,'"$hex"',"packed":{"name":"../y","size":1,'"$hex"'}}' \
		'{"name":"ram","size":1,'"$hex"',"packed":{"name":"ram","size":1,'"$hex"'}}' \
		'{"name":"ram","size":1,'"$hex"',"packed":{"name":"ram.zst","size":-1,'"$hex"'}}' \
		'{"name":"ram","size":1,'"$hex"',"packed":7}' '{"name":"ram.tmp.1","size":1,'"$hex"'}'; do
		manifest "$bad"
		echo "$bad"
		run -3 --separate-stderr vmstate d
		[[ $stderr == "vmstate: d: files.json: "* ]]
		run -1 vmstate --unpack --keep d
		run -1 vmstate --pack --keep d
		run -1 vmstate --unpack -o e d
		run -1 vmstate --json d
	done
	for bad in '' '{' '[]' '{"format":2,"files":[]}' '{"format":1}' '{"format":1,"files":{}}' '{"files":[]}'; do
		printf %s "$bad" > d/files.json
		run -3 vmstate d
	done
	manifest "$(for x in {1..70}; do printf '{"name":"f%s","size":1,%s},' "$x" "$hex"; done)null"
	no d "files.json: more than 64 files"
	{ printf '{"format":1,"files":[]}'; head -c 2M /dev/zero | tr '\0' ' '; } > d/files.json
	no d "files.json: too long"
	diff <(tree) <(echo "$before")
}

@test "symbolic links do not lead out of the directory" {
	record
	vmstate --pack d
	echo precious > victim
	ln -s ../victim d/ram
	run -1 --separate-stderr vmstate --unpack d
	[ "$stderr" = "vmstate: d: ram: not a plain file" ]
	rm d/ram
	vmstate --unpack d
	ln -s ../victim d/ram.zst
	run -1 vmstate --pack d
	[ -e d/ram ]
	rm d/ram.zst d/verified
	ln -s ../victim d/verified
	is_good d
	ln -sf ../victim d/files.json
	run -1 vmstate --record d ram
	[ "$(< victim)" = precious ]
}

# packed COMMAND...: d/ram.zst becomes the output of COMMAND, and the manifest has it as the packed form of d/ram.
packed() {
	rm -f d/ram.zst
	"$@" > d/ram.zst
	vmstate --record d ram.zst
	local z r
	z=$(sed -n '/ram.zst/,/}/p' d/files.json)
	vmstate --record d ram
	r=$(sed -n '/"name"/,/}/p' d/files.json | sed '$d')
	manifest "{ $r, \"packed\": { $z }"
	rm d/ram
}

# within_memory COMMAND...: run it with at most 100 MB of data.
within_memory() {
	# Sanitizers need terabytes of address space.
	[[ $BIN == */san/* ]] || ulimit -d 100000
	timeout 60 "$@"
}

@test "a hostile packed file: an error, in bounded memory, and nothing is left" {
	command -v zstd > /dev/null || skip "zstd is not installed"
	frames() { for part in "$@"; do zstd -qc "$part"; done; }
	head -c 4194304 /dev/urandom > full
	head -c 100 /dev/urandom > short
	head -c 4194304 /dev/zero > zeros
	truncate -s 1G bomb
	cat full full short > want
	local attack
	both() { "$@"; echo more; }
	cut() { "$@" | head -c 8000000; }
	plain() { cat want; }
	unsized() { for part in full full short; do zstd -qc < "$part"; done; }
	skippable() { printf '\x50\x2a\x4d\x18\x04\0\0\0abcd'; frames full full short; }
	nothing() { :; }
	for attack in 'frames short full full' 'frames full full' 'frames full full short short' 'both frames full full short' \
		'cut frames full full short' 'frames bomb' 'frames full bomb' 'frames want' 'plain' 'unsized' 'skippable' 'nothing' \
		'frames zeros zeros short' 'frames full full full'; do
		cp want d/ram
		echo "$attack"
		# shellcheck disable=SC2086
		packed $attack
		run -1 --separate-stderr within_memory "$BIN/vmstate" --unpack d
		echo "$stderr"
		[[ $stderr == "vmstate: d: ram.zst: "* ]]
		[ ! -e d/ram ]
		run ! compgen -G 'd/*.tmp.*'
	done
	# A packed form made by another program is as good as ours.
	cp want d/ram
	packed frames full full short
	within_memory "$BIN/vmstate" --unpack d
	cmp d/ram want
}

@test "memory is bounded for packing and checking too" {
	[[ $BIN != */san/* ]] || skip "sanitizers use too much memory"
	head -c 200M /dev/urandom > d/ram
	record
	within_memory "$BIN/vmstate" --pack d
	within_memory "$BIN/vmstate" --unpack d
	touch d/ram
	within_memory "$BIN/vmstate" d
}

@test "--json" {
	record
	vmstate --pack --keep d
	run -0 --separate-stderr vmstate --json d
	echo "$output" | perl -0777 -e 'local $_ = <>; s/\s//g; my ($z, $d) = ((stat "d/ram.zst")[7], (stat "d/ram")[12] * 512);
		exit !/^\Q{"files":[{"name":"ram","size":42000000,"data":$d,"packed":{"name":"ram.zst","size":$z}},\E\{"name":"state"/'
	rm d/ram
	vmstate --json d | grep -q '"data": null'
	run -1 --separate-stderr vmstate --json .
	[ "$stderr" = "vmstate: .: files.json: missing" ]
	# shellcheck disable=SC2016
	run -1 bash -c '"$0" --json d > /dev/full' "$BIN/vmstate"
}

@test "--disk" {
	echo '{"format":1,"root":{"path":"/x/root.qcow2","saved":"disk-1.qcow2"},"saved":{"time":7}}' > d/vm.json
	run -0 --separate-stderr vmstate --disk d
	[ "$output" = disk-1.qcow2 ]
	echo '{"format":1,"saved":{"time":7}}' > d/vm.json
	run -0 vmstate --disk d
	[ -z "$output" ]
	local bad
	for bad in '{"root":{"saved":"../x"}}' '{"root":{}}' '{"root":{"saved":7}}' '[]'; do
		echo "$bad" > d/vm.json
		run -1 --separate-stderr vmstate --disk d
		[ "$stderr" = "vmstate: d/vm.json: no saved disk" ]
	done
	echo '{' > d/vm.json
	run -1 vmstate --disk d
	rm d/vm.json
	run -1 vmstate --disk d
}

@test "--expires and --usable: errors" {
	mkdir c
	echo nonsense > c/x.crt
	run -1 --separate-stderr vmstate --expires c
	[ "$stderr" = "vmstate: c: x.crt: not a file of valid certificates" ]
	run -1 --separate-stderr vmstate --expires nowhere
	[ "$stderr" = "vmstate: nowhere: No such file or directory" ]
	mkdir c/conf
	run -1 --separate-stderr vmstate --usable c
	[ "$stderr" = "vmstate: c/conf: Is a directory" ]
	[ -z "$output" ]
	rmdir c/conf
	echo saved_at=7 > c/conf
	run -0 --separate-stderr vmstate --usable c
	[ -z "$output$stderr" ]
}

@test "usage errors" {
	local args
	for args in '' 'a b' '--record' '--record d' '--pack --unpack d' '--keep d' '--file x d' '-o x d' '--pack -o x d' \
		'--unpack -o x --keep d' '--unpack -o x --file ram d' '--json --pack d' '--pack d ram' '--json --keep d' '--usable' '--usable --expires d' \
		'--usable --keep d' '--expires a b' '--disk --json d'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr vmstate $args
		[ "${stderr_lines[-1]}" = "Try 'vmstate --help'." ]
	done
}
