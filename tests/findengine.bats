# findengine: its options and errors. engine.bats tests what it finds, with mk/sh/common/engine, which calls it.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p bin tree/root
	: > tree/root.tar
	PATH=$PWD/bin:$PATH
}

# fake NAME: make a program of the script on standard input; it records its name and arguments in calls.
fake() {
	{ printf '#!/bin/bash\necho "%s $*" >> "%s/calls"\n' "$1" "$PWD"; cat; } > "bin/$1"
	chmod +x "bin/$1"
}

@test "the options that work are printed, or written to a file" {
	fake podman <<< '[[ " $* " == *" --runtime runc run "* ]]'
	run -0 findengine -e podman tree
	[ "$output" = $'ENGINE=podman\nengine=(podman --runtime runc)\nengine_run=()' ]
	run -0 findengine -e podman -o out tree
	[ -z "$output" ]
	[ "$(sed -n 2p out)" = "engine=(podman --runtime runc)" ]
	run -1 findengine -e podman -o none/out tree
}

@test "every combination is tried in order: limits of this process, then low ones" {
	fake podman <<< 'exit 1'
	ulimit -n 5000
	run -1 findengine -e podman tree
	[ "$(wc -l < calls)" = 12 ]
	[ "$(sed -n 1p calls)" = "podman run --rm --publish 127.0.0.1::9 --rootfs tree/root /pause --version" ]
	[ "$(sed -n 2p calls)" = "podman --cgroup-manager cgroupfs run --rm --publish 127.0.0.1::9 --rootfs tree/root /pause --version" ]
	[[ $(sed -n 5p calls) == "podman run --rm --publish 127.0.0.1::9 --ulimit nofile=5000:5000 --ulimit nproc="* ]]
	[[ $(sed -n 12p calls) == "podman --runtime runc --cgroup-manager cgroupfs run "*" --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 "* ]]
}

@test "no engine works: the last line of each one's output, and the file stays" {
	echo old > out
	fake podman <<< $'echo one; echo "two; three"; echo >&2; exit 1'
	fake docker <<< $'echo no daemon >&2; exit 1'
	run -1 findengine -o out tree
	[ "$output" = "findengine: no container engine works here; podman: two; three; docker: no daemon" ]
	[ "$(cat out)" = old ]
	[ "$(grep -c ^docker calls)" = 1 ]
	run -1 findengine -e none tree
	[ "$output" = "findengine: no container engine works here; none: not installed" ]
	run -1 findengine -e cat tree
	[ "$output" = "findengine: no container engine works here; cat: neither podman nor docker" ]
}

@test "docker: the probe image is removed, whether or not it runs" {
	fake docker <<< '[ "$1" != run ]'
	run -1 findengine -e docker tree
	[ "$(sed -n 1p calls)" = "docker import tree/root.tar kubestamp-probe" ]
	[ "$(sed -n '$p' calls)" = "docker rmi -f kubestamp-probe" ]
	[ "$(wc -l < calls)" = 4 ]
	fake docker <<< 'exit 0'
	run -0 findengine -e docker tree
	[ "$output" = $'ENGINE=docker\nengine=(docker)\nengine_run=()' ]
	[ "$(sed -n '$p' calls)" = "docker rmi -f kubestamp-probe" ]
}

@test "a missing operand: exit 2" {
	run -2 findengine
	[[ $output == *"one directory is needed"* ]]
}
