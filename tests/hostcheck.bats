# hostcheck: its options and its settings. doctor.bats tests the lines that it prints.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset -v ACCEL NODES MEMORY API_PORT REGISTRY_PORT SSH_PORT PUBLISH IMAGE_FROM PROVIDER
	printf '%s\n' ENGINE=podman "engine=(podman --runtime runc)" "engine_run=(--ulimit 'nofile=4096:4096')" > engine.conf
}

# word LINE: print the grade and the text of this line of $output.
word() { sed -nE "s/^  (ok|note|BAD) +$1 +(.*)/\1 \2/p" <<< "$output"; }

@test "engine: its options, or the error if its file is missing" {
	run hostcheck -e engine.conf
	[ "$(word engine)" = "ok podman --runtime runc run --ulimit nofile=4096:4096" ]
	run -1 hostcheck -e none --engine-error "nothing works."
	[ "$(word engine)" = "BAD nothing works. Install podman ('make deps') or start docker." ]
	echo 'engine=$(id)' > engine.conf
	run -1 hostcheck -e engine.conf
	[[ $(word engine) == BAD* ]]
}

@test "ACCEL=kvm is not checked" {
	ACCEL=kvm run hostcheck -e engine.conf
	[ "$(word accel)" = "ok kvm" ]
	ACCEL=tcg run hostcheck -e engine.conf
	[[ $(word accel) == "note tcg, "* ]]
}

@test "--accel: the user's setting, else what the machine can do" {
	ACCEL=kvm run -0 hostcheck --accel
	[ "$output" = kvm ]
	ACCEL=tcg run -0 hostcheck --accel
	[ "$output" = tcg ]
	run -0 hostcheck --accel
	local found=$output
	[[ $found =~ ^(kvm|tcg)$ ]]
	run hostcheck -e engine.conf
	[[ $(word accel) =~ ^(ok|note)\ $found(,|$) ]]
}

@test "memory: the user's setting, else the provider's, else 1024M, times the number of nodes" {
	mkdir huge
	printf '%s\n' '[provider]' 'description = m' '[debian]' 'suite = x' '[node]' 'memory = 3000000G' 'cpus = 1' 'disk = 1G' > huge/provider.ini
	export ACCEL=kvm
	run -1 hostcheck -e engine.conf -p huge
	[[ $(word memory) == "BAD "*" need 3072000000;"* ]]
	NODES=2 run -1 hostcheck -e engine.conf -p huge
	[[ $(word memory) == "BAD "*" need 6144000000;"* ]]
	MEMORY=1M run hostcheck -e engine.conf -p huge
	[[ $(word memory) == "ok "* ]]
	MEMORY=4096T NODES=99 run -1 hostcheck -e engine.conf -p none
	[[ $(word memory) == *" need 425201762304;"* ]]
}

@test "memory: under emulation QEMU's cache of translated code counts" {
	export ACCEL=tcg
	MEMORY=1000000G NODES=3 run -1 hostcheck -e engine.conf
	[[ $(word memory) == "BAD "*" need 3072003600 (3600 of it for code translated by the emulation); reduce NODES or MEMORY" ]]
	# A small node's cache is smaller.
	MEMORY=1M NODES=99 run hostcheck -e engine.conf
	local available need=$((99 * 513))
	available=$(sed -nE 's/^  [^ ]+ +memory +([0-9]+) MiB.*/\1/p' <<< "$output")
	if [ "$available" -lt "$need" ]; then
		[[ $(word memory) == "BAD "*" need $need (50688 of it "* ]]
	else
		[[ $(word memory) == "ok "* ]]
	fi
}

@test "--dir: the directory that needs free space" {
	run hostcheck -e engine.conf -d /
	[[ $(word disk) == *" GiB free in /"* ]]
	run -1 hostcheck -e engine.conf -d none
	[[ $(word disk) == "BAD none: No such file"* ]]
}

@test "--space: as much as provisioning needs, or less" {
	MEMORY=1M run hostcheck -e engine.conf -d / --space 1
	[[ $(word disk) == "ok "*" GiB free in /" ]]
	run -1 hostcheck -e engine.conf -d / --space 1000000G
	[[ $(word disk) == "BAD "*" GiB free in /; 1000000.0 are required. 'make gc' "* ]]
	run -2 hostcheck -e engine.conf --space much
	[[ $output == *"--space much: not a size such as 8G"* ]]
}

@test "networks: that of the provider" {
	provider() {
		mkdir -p net
		printf '%s\n' '[provider]' 'description = n' '[debian]' 'suite = x' '[node]' 'memory = 1M' 'cpus = 1' 'disk = 1G' \
			'[network]' "$@" > net/provider.ini
	}
	MEMORY=1M run hostcheck -e engine.conf
	[[ $(word networks) == *" 192.168.66.0/24 is "* ]]
	provider 'address = 10.123.45.67/20'
	MEMORY=1M run hostcheck -e engine.conf -p net
	[[ $(word networks) == *" 10.123.32.0/20 is "* ]]
	# A network of the machine's that contains the provider's, and its neighbour.
	unshare -n true 2> /dev/null || skip "no network namespace here: unshare -n fails"
	with_address() { unshare -n bash -c 'ip link set lo up && ip address add 10.123.1.1/20 dev lo && exec "$@"' bash "$@"; }
	provider 'address = 10.123.4.1/24'
	run with_address "$BIN/hostcheck" -e engine.conf -p net
	[ "$(word networks)" = "note 10.123.4.0/24 is in use on this machine (lo 10.123.1.1/20); nodes cannot reach hosts in it" ]
	provider 'address = 10.123.16.1/30'
	run with_address "$BIN/hostcheck" -e engine.conf -p net
	[ "$(word networks)" = "ok 10.123.16.0/30 is free" ]
	# provconf says what is wrong with a provider; here the default is checked.
	provider 'address = fd00::1/64'
	run hostcheck -e engine.conf -p net
	[[ $(word networks) == *" 192.168.66.0/24 is "* ]]
}

@test "an operand: exit 2" {
	run -2 hostcheck x
	[[ $output == *"no operand is expected"* ]]
}
