# vmsave, and vmstart --resume: real QEMU under TCG, with guests of one boot sector.
load lib/common
load lib/vm

setup() { cd "$BATS_TEST_TMPDIR" || return; }

teardown() { vm_end; }

# A guest that prints ! on its console, and then the next letter for each byte that it receives. The letter is in its
# memory, at 7000h.
counting_disk() {
	sector "$1" 31c08ed8c606007041baf803b021eebafd03eca80174fbbaf803eca00070eefe060070ebea
}

# start [OPTION...]: a counting machine in ./run, on an overlay.
start() {
	[ -e base.img ] || counting_disk base.img
	# Each machine appends to the log.
	rm -f run/console.log
	"$BIN/vmstart" --name vm --run run -m 32 -d d.qcow2 -b base.img --backing-format raw "$@" 3>&-
	wait_for 20 grep -q '!' run/console.log
}

# resume STATE RUN [OPTION...]
resume() { "$BIN/vmstart" --resume "$1" --run "$2" "${@:3}" 3>&-; }

# letter RUN: the guest's next letter.
letter() {
	perl -MIO::Socket::UNIX -e 'alarm 20; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$ARGV[0]: $!";
		syswrite $s, "x"; sysread $s, my $c, 1; print $c' "$1/console.sock"
}

# nothing_left: there is no saved state, and nothing unfinished.
nothing_left() { [ -z "$(find . -maxdepth 1 -name 'saved*')" ]; }

@test "a machine is saved and continues; three machines resume from the saved state at once" {
	local run
	start
	[ "$(letter run)" = A ]
	run "$BIN/vmsave" run saved
	[ "$status" = 0 ]
	[ -z "$output" ]
	[[ $(vm_status run) = *running* ]]
	[ "$(letter run)" = B ]
	[ "$(letter run)" = C ]
	for run in one two three; do resume saved $run; done
	for run in three one two; do [ "$(letter $run)" = B ]; done
	[ "$(letter one)" = C ]
	[ "$(letter run)" = D ]
	# The files are private.
	[ "$(stat -c %a saved saved/ram saved/state)" = $'700\n600\n600' ]
	"$BIN/vmstate" saved
}

# of_file RUN: how much of the machine's memory is mapped from the saved file, in MiB.
of_file() {
	local from to sum=0
	while IFS=- read -r from to; do sum=$((sum + 16#$to - 16#$from)); done < <(awk '/\/saved\/ram$/ { print $1 }' "/proc/$(< "$1/pid")/maps")
	echo $((sum >> 20))
}

@test "a machine that resumes does not map holes of the saved memory" {
	start
	"$BIN/vmsave" run saved
	resume saved one
	[ "$(of_file one)" -lt 16 ]
	[ "$(letter one)" = A ]
	# Without the library all of the file is mapped, and it works as well.
	mkdir alone
	cp "$BIN/vmstart" alone/
	alone/vmstart --resume saved --run two 3>&-
	[ "$(of_file two)" = 32 ]
	[ "$(letter two)" = A ]
	"$BIN/vmsave" one saved1
	"$BIN/vmsave" two saved2
	# The differences: the firmware counts time, and the letter.
	[ "$(cmp -l saved1/ram saved2/ram | wc -l)" -lt 512 ]
	[ "$(cmp -l saved/ram saved1/ram | wc -l)" -lt 512 ]
}

@test "vmsave --no-sync: files are verified until the next boot, and then read again" {
	start
	"$BIN/vmsave" --no-sync run saved
	jq -e '.ram.boot' saved/verified
	resume saved one
	# Simulate a crash that lost some of the data while stat(2) says the same, and a boot.
	printf X | dd of=saved/ram bs=1 seek=31000 conv=notrunc status=none
	jq --arg c "$(stat -c '%.9Z' saved/ram | tr -d .)" --arg m "$(stat -c '%.9Y' saved/ram | tr -d .)" \
		'.ram.ctime = ($c | tonumber) | .ram.mtime = ($m | tonumber)' saved/verified > v
	cat v > saved/verified
	jq '.ram.boot = "another"' v > saved/verified
	run -3 resume saved two
	[[ $output = *"its contents are not those that were saved"* ]]
}

@test "vmsave -v prints how long the machine was paused, and --quit ends it" {
	start
	letter run
	run "$BIN/vmsave" -v --quit run saved
	[ "$status" = 0 ]
	[ ! -e run/pid ] || ! kill -0 "$(< run/pid)"
	resume saved two
	[ "$(letter two)" = B ]
	run "$BIN/vmsave" -v two saved2
	[[ $output =~ ^"vmsave: two: paused for "[0-9]+" ms"$ ]]
	# The goal is 150 ms; ten times that is too much even on a busy host.
	[ "$(grep -oE '[0-9]+ ms' <<< "$output" | cut -d' ' -f1)" -lt 1500 ]
}

@test "the saved disk never changes again: the machine has a new overlay, also after a restart" {
	start
	"$BIN/vmsave" run saved
	[ "$(readlink d.qcow2.top)" = d.qcow2.1 ]
	printf '%s\n' '{"execute":"qmp_capabilities"}' '{"execute":"query-named-block-nodes"}' |
		timeout 5 socat -t 2 - UNIX-CONNECT:run/qmp.sock > nodes
	grep -q "\"backing_file\": \"$PWD/d.qcow2\"" nodes || grep -q 'd.qcow2.1' nodes
	"$BIN/vmsave" run saved2
	[ "$(readlink d.qcow2.top)" = d.qcow2.2 ]
	"$BIN/vmstop" --now run
	qemu-img check -q d.qcow2.2
	qemu-img info --backing-chain d.qcow2.2 | grep -c '^image:' > depth
	[ "$(< depth)" = 4 ]
	qemu-io -c 'write -P 7 1M 4k' d.qcow2.2 > /dev/null
	"$BIN/vmstart" --name vm --run run -m 32 -d d.qcow2 -b base.img --backing-format raw --keep-disk 3>&-
	tr '\0' '\n' < "/proc/$(< run/pid)/cmdline" | grep -q 'filename=.*d.qcow2.2,'
	"$BIN/vmstop" --now run
	"$BIN/vmstate" saved
	"$BIN/vmstate" saved2
	# A disk that is created again has none of them.
	start
	[ ! -e d.qcow2.top ]
	[ ! -e d.qcow2.1 ]
}

@test "a machine that has resumed is saved again, and its saved state does not need the first one" {
	start
	letter run
	"$BIN/vmsave" run one
	"$BIN/vmstop" --now run
	resume one two
	[ "$(letter two)" = B ]
	"$BIN/vmsave" two saved2
	"$BIN/vmstop" --now two
	mv one gone
	resume saved2 three
	[ "$(letter three)" = C ]
	"$BIN/vmstop" --now three
	mv gone one
	resume one two
	[ "$(letter two)" = B ]
}

@test "pages of zeros are holes, and --compress packs the rest" {
	start
	"$BIN/vmsave" run saved
	[ "$(stat -c %s saved/ram)" = $((32 << 20)) ]
	[ "$(du -k saved/ram | cut -f1)" -lt 8192 ]
	"$BIN/vmsave" --compress run saved2
	[ ! -e saved2/ram ]
	[ "$(du -k saved2/ram.zst | cut -f1)" -lt 4096 ]
	run resume saved2 two
	[ "$status" = 3 ]
	[[ $output = *"its memory is packed; unpack it with vmstate --unpack"* ]]
	"$BIN/vmstate" --unpack saved2
	resume saved2 two
	[ "$(letter two)" = A ]
}

@test "two machines are saved together" {
	start
	"$BIN/vmstart" --name vm2 --run run2 -m 32 -d e.qcow2 -b base.img --backing-format raw 3>&-
	wait_for 20 grep -q '!' run2/console.log
	letter run2
	"$BIN/vmsave" run saved1 run2 saved2
	[[ $(vm_status run) = *running* && $(vm_status run2) = *running* ]]
	resume saved1 r1
	resume saved2 r2
	[ "$(letter r1)" = A ]
	[ "$(letter r2)" = B ]
	# One of them does not exist: the other continues, and there is no saved state.
	run "$BIN/vmsave" run saved3 nowhere saved4
	[ "$status" = 1 ]
	[[ $output = "vmsave: nowhere: no machine of vmstart is running there" ]]
	[ ! -e saved3 ]
	[[ $(vm_status run) = *running* ]]
}

@test "a paused machine is saved, and stays paused" {
	start
	letter run
	"$BIN/vmpause" run
	"$BIN/vmsave" run saved
	[[ $(vm_status run) = *paused* ]]
	resume saved two
	[ "$(letter two)" = B ]
}

@test "saved state with one changed byte is not resumed: exit 3, and the file is named" {
	local f
	start
	"$BIN/vmsave" run saved
	for f in ram state vm.json "$(basename saved/disk-*)"; do
		cp -r --sparse=always saved broken
		printf '\377' | dd of="broken/$f" bs=1 seek=$(($(stat -c %s "saved/$f") / 2)) conv=notrunc status=none
		! cmp -s "saved/$f" "broken/$f"
		run resume broken two
		[ "$status" = 3 ] || { echo "$f: $status $output" && false; }
		[[ $output = *"$f"* || $f = vm.json ]]
		[ ! -e two ]
		truncate -s -1 "broken/$f"
		run resume broken two
		[ "$status" = 3 ]
		rm "broken/$f"
		run resume broken two
		[ "$status" = 3 ]
		rm -r broken
	done
	resume saved two
	[ "$(letter two)" = A ]
}

# edit_saved EXPRESSION: edit the description of ./saved, as if it had been saved that way.
edit_saved() {
	sed -i -E "$1" saved/vm.json
	(cd saved && "$BIN/vmstate" --record . ram state vm.json disk-*)
}

@test "saved under another accelerator, processor or a newer QEMU: exit 3, and the reason" {
	start --accel tcg
	"$BIN/vmsave" run saved
	run resume saved two --accel kvm
	[ "$status" = 3 ]
	[ "$output" = "vmstart: vm: saved under tcg, cannot resume under kvm" ]
	edit_saved 's/"qemu": "[^"]*"/"qemu": "99.1.0"/'
	run resume saved two
	[ "$status" = 3 ]
	[[ $output = "vmstart: vm: saved by QEMU 99.1.0, but the QEMU here, "*", is older" ]]
	[ ! -e two ]
	edit_saved 's/"accelerator": "tcg"/"accelerator": "kvm"/'
	run resume saved two
	[ "$status" = 3 ]
	[[ $output = *"saved under kvm, which is not available here" || $output = *"saved on another kind of processor" ]]
}

@test "a description of another machine than the one saved: QEMU's error, and nothing is left" {
	local machine
	start
	"$BIN/vmsave" run saved
	machine=$(jq -r .machine saved/vm.json)
	edit_saved 's/"cpus": 1/"cpus": 2/'
	run resume saved two
	[ "$status" = 1 ]
	[[ $output = "vmstart: vm: qemu: "* ]]
	[ ! -e two ]
	edit_saved 's/"cpus": 2/"cpus": 1/; s/"machine": "[^"]*"/"machine": "pc-q35-7.1"/'
	run resume saved two
	[ "$status" = 1 ]
	[[ $output = *"Machine type received is '$machine'"* ]]
	edit_saved "s/\"machine\": \"[^\"]*\"/\"machine\": \"$machine\"/; s/\"memory\": [0-9]*/\"memory\": 67108864/"
	run resume saved two
	[ "$status" = 3 ]
	[[ $output = *"its size is not that of the machine's memory" ]]
}

@test "the backing file of the disk is missing or has changed: exit 3" {
	start
	"$BIN/vmsave" run saved
	mv base.img away
	run resume saved two
	[ "$status" = 3 ]
	[[ $output = *"base.img: No such file or directory" ]]
	cp away base.img
	resume saved two
	[ "$(letter two)" = A ]
	"$BIN/vmstop" --now two
	printf '\377' | dd of=base.img bs=1 seek=2000000 conv=notrunc status=none
	run resume saved two
	[ "$status" = 3 ]
	[[ $output = *"base.img: the backing file has changed" ]]
}

@test "no saved state, or an invalid description: exit 3" {
	run resume nowhere two
	[ "$status" = 3 ]
	mkdir nowhere
	echo '{"format": 1}' > nowhere/vm.json
	run resume nowhere two
	[ "$status" = 3 ]
	[[ $output = "vmstart: nowhere/vm.json: not a valid machine description"* ]]
}

@test "a full disk: the machine continues, and no saved state is left" {
	[ "$(id -u)" = 0 ] || skip "only root can mount a small file system"
	start
	letter run
	mkdir small
	run ! unshare -m bash -c "mount -t tmpfs -o size=600k none small && '$BIN/vmsave' run small/saved; rc=\$?; ls -A small; exit \$rc"
	[[ $output = *"No space left on device"* ]]
	[ "${#lines[@]}" = 1 ]
	[[ $(vm_status run) = *running* ]]
	[ "$(letter run)" = B ]
	"$BIN/vmsave" run saved
	resume saved two
	[ "$(letter two)" = C ]
}

@test "vmsave that is killed or interrupted leaves a running machine, and no saved state" {
	local sig pid
	start -m 64
	for sig in TERM KILL; do
		# Send the signal as soon as the directory of the saved state exists.
		"$BIN/vmsave" run "saved-$sig" 3>&- 2> /dev/null &
		pid=$!
		wait_for 5 bash -c "ls -d saved-$sig.tmp.* || ls -d saved-$sig"
		kill -"$sig" "$pid" || true
		wait "$pid" || true
		wait_for 10 bash -c "[[ \$(printf '%s\n' '{\"execute\":\"qmp_capabilities\"}' '{\"execute\":\"query-status\"}' |
			timeout 5 socat -t 2 - UNIX-CONNECT:run/qmp.sock) = *running* ]]"
	done
	[ ! -e "$(echo saved-TERM.tmp.*)" ]
	rm -rf saved-TERM saved-KILL
	"$BIN/vmsave" run saved-KILL
	[ ! -e "$(echo saved-KILL.tmp.*)" ]
	resume saved-KILL two
	[[ $(vm_status two) = *running* ]]
}

@test "QEMU refuses to save: exit 1 with its reason, the machine continues, and no saved state is left" {
	qemu-img create -q -f vpc extra.vpc 1M
	start -- -blockdev driver=vpc,node-name=extra,file.driver=file,file.filename=extra.vpc
	run -1 timeout -s KILL 60 "$BIN/vmsave" run saved
	[[ $output = *"does not support live migration"* ]]
	nothing_left
	[[ $(vm_status run) = *running* ]]
	[ "$(letter run)" = A ]
}

@test "QEMU dies during the save: exit 1, and nothing is left" {
	start
	(
		until ls -d saved.tmp.* > /dev/null 2>&1; do :; done
		kill -KILL "$(< run/pid)"
	) 3>&- &
	keep_pid $!
	run "$BIN/vmsave" run saved
	[ "$status" = 1 ]
	nothing_left
}

@test "existing saved state is not overwritten; one process at a time saves a machine; a second disk is refused" {
	start
	mkdir saved
	run "$BIN/vmsave" run saved
	[ "$status" = 1 ]
	[[ $output = *"saved: already exists" ]]
	[[ $(vm_status run) = *running* ]]
	exec 7< run/vm.json
	flock 7
	run "$BIN/vmsave" run other
	[ "$output" = "vmsave: run: it is already being saved" ]
	exec 7<&-
	"$BIN/vmstop" --now run
	truncate -s 1M data.img
	start --extra-disk data.img,format=raw
	run "$BIN/vmsave" run other
	[ "$status" = 1 ]
	[[ $output = *"data.img: a machine with a second writable disk cannot be saved" ]]
	[[ $(vm_status run) = *running* ]]
	"$BIN/vmstop" --now run
	start --extra-disk data.img,format=raw,readonly
	"$BIN/vmsave" run other
	resume other two
	[ "$(letter two)" = A ]
}

@test "the NICs of a machine that resumes: the same number, addresses and kind" {
	local port
	start --nic user,mac=52:55:00:d1:55:01
	"$BIN/vmsave" run saved
	run resume saved two
	[ "$status" = 2 ]
	[[ $output = *"resume: 0 --nic given, the saved machine has 1"* ]]
	run resume saved two --nic user,mac=52:55:00:d1:55:02
	[ "$status" = 2 ]
	[[ $output = *"the saved machine has the MAC address 52:55:00:d1:55:01"* ]]
	run resume saved two --nic tap=t0
	[ "$status" = 2 ]
	port=$(free_port)
	resume saved two --nic "user,fwd=tcp::$port-:22"
	ss -ltnH | grep -q "127.0.0.1:$port "
	[ "$(letter two)" = A ]
	[ ! -e two/saved ]
}

@test "an address never appears twice on a bridge" {
	[ "$(id -u)" = 0 ] && [ -e /dev/net/tun ] || skip "needs root and /dev/net/tun"
	command -v arping > /dev/null || skip "arping is not installed"
	counting_disk base.img
	run unshare -nm bash -ec '
		mount -t sysfs sysfs /sys
		ip link add br0 type bridge
		ip link set br0 up
		for t in t1 t2; do ip tuntap add $t mode tap; ip link set $t master br0 up; done
		vmstart() { "$BIN/vmstart" "$@"; }
		vmstart -n vm --run run -m 32 -d d.qcow2 -b base.img --backing-format raw --nic tap=t1,mac=52:55:00:d1:55:07
		"$BIN/vmsave" run saved
		# The guest sends nothing: add its address to the bridge for it.
		bridge fdb add 52:55:00:d1:55:07 dev t1 master dynamic
		vmstart --resume saved --run two --nic tap=t2 || echo "exit $?"
		"$BIN/vmstop" --now run
		bridge fdb del 52:55:00:d1:55:07 dev t1 master 2> /dev/null || true
		vmstart --resume saved --run two --nic tap=t2 && echo resumed
		"$BIN/vmstop" --now two'
	[ "$status" = 0 ]
	[ "${lines[0]}" = "vmstart: vm: t2: another machine on its bridge has the address 52:55:00:d1:55:07" ]
	[ "${lines[1]}" = "exit 3" ]
	[ "${lines[2]}" = resumed ]
}

@test "--renew for a guest without agent: exit 124, and nothing is left" {
	start
	"$BIN/vmsave" run saved
	run resume saved two --renew /bin/true --timeout 2
	[ "$status" = 124 ]
	[[ $output = "vmstart: vm: not running after 2 s: "*"agent"* ]]
	[ ! -e two ]
	"$BIN/vmstate" saved
}

@test "wrong options are usage errors" {
	local words
	while read -r words; do
		# shellcheck disable=SC2086
		run "$BIN/vmsave" $words
		[ "$status" = 2 ] || { echo "$words: $output" && false; }
	done <<- 'END'
		run
		run a run2
		-t 0 run a
		--map x=y run a
		--map /x run a
	END
	while read -r words; do
		# shellcheck disable=SC2086
		run "$BIN/vmstart" --run r $words
		[ "$status" = 2 ] || { echo "$words: $output" && false; }
	done <<- 'END'
		--resume s -m 64
		--resume s -c 2
		--resume s -k k
		--resume s -d d -b b
		--resume s --fw-cfg opt/a=b
		--resume s --cpu max
		--resume s -- -uuid x
		--resume s --renew-input f
		--name vm --renew /bin/true
	END
}
