# mk/sh/common/engine: which container engine works here, and with which options.
load lib/common

setup() {
	FAKE=$BATS_TEST_TMPDIR/bin OUT=$BATS_TEST_TMPDIR/out/engine.conf
	mkdir -p "$FAKE"
}

# fake NAME: make a program of the script on standard input; it records its arguments in $FAKE/NAME.calls.
fake() {
	{ printf '#!/bin/bash\necho "$*" >> "%s"\n' "$FAKE/$1.calls"; cat; } > "$FAKE/$1"
	chmod +x "$FAKE/$1"
}

refuses() { fake "$1" <<< "cat > /dev/null; echo '$1 says no' >&2; exit 125"; }

# find_engine: run mk/sh/common/engine with the fakes first in PATH and the caller's ENGINE.
find_engine() { PATH=$FAKE:$PATH BIN=$BIN ENGINE=${ENGINE:-} "$TOP/mk/sh/common/engine" "$OUT"; }

@test "podman that needs runc and a limit: both are found" {
	unset ENGINE
	fake podman <<- 'END'
		case " $* " in
		*" --runtime runc run "*" --ulimit nofile="*) echo "pause 0" ;;
		*) echo "refused" >&2; exit 126 ;;
		esac
	END
	refuses docker
	find_engine
	# shellcheck source=/dev/null
	. "$OUT"
	[ "$ENGINE" = podman ]
	[ "${engine[*]}" = "podman --runtime runc" ]
	[ "${engine_run[0]}" = --ulimit ]
	[[ ${engine_run[1]} == nofile=* ]]
	[ ! -e "$FAKE/docker.calls" ]
}

@test "podman that needs no options: there is only one attempt" {
	unset ENGINE
	fake podman <<< 'echo "pause 0"'
	find_engine
	# shellcheck source=/dev/null
	. "$OUT"
	[ "${engine[*]}" = podman ]
	[ "${#engine_run[@]}" = 0 ]
	[ "$(wc -l < "$FAKE/podman.calls")" = 1 ]
}

@test "podman fails and docker works with limits: docker is used, and its probe image is removed" {
	unset ENGINE
	refuses podman
	fake docker <<- 'END'
		case $1 in
		import) cat > /dev/null ;;
		run) case " $* " in *" --ulimit "*) ;; *) exit 125 ;; esac ;;
		esac
	END
	find_engine
	# shellcheck source=/dev/null
	. "$OUT"
	[ "$ENGINE" = docker ]
	[ "${engine[*]}" = docker ]
	[ "${engine_run[0]}" = --ulimit ]
	[[ $(tail -1 "$FAKE/docker.calls") == rmi* ]]
}

@test "no engine works: exit 1 with the error of each, and no file" {
	unset ENGINE
	refuses podman
	refuses docker
	run -1 find_engine
	[[ $output == *"no container engine works here"* ]]
	[[ $output == *"podman says no"* ]]
	[[ $output == *"docker says no"* ]]
	[ "${#lines[@]}" = 1 ]
	[ -z "$(ls -A "$(dirname "$OUT")")" ]
}

@test "ENGINE selects the engine; no other is tried" {
	fake podman <<< 'exit 0'
	refuses docker
	ENGINE=docker run -1 find_engine
	[[ $output == *"docker says no"* ]]
	[ ! -e "$FAKE/podman.calls" ]
	[ ! -e "$OUT" ]
}

@test "an engine that is not installed is reported" {
	ENGINE=no-such-engine run -1 find_engine
	[[ $output == *"no-such-engine: not installed"* ]]
	[ ! -e "$OUT" ]
}

@test "the real podman: a container runs with the options that were found" {
	command -v podman > /dev/null || skip "podman is not installed"
	ENGINE=podman find_engine
	# shellcheck source=/dev/null
	. "$OUT"
	[ "$ENGINE" = podman ]
	mkdir -p "$BATS_TEST_TMPDIR/root/bin"
	cp /bin/busybox "$BATS_TEST_TMPDIR/root/bin/"
	run -0 "${engine[@]}" run --rm --network none "${engine_run[@]}" --rootfs "$BATS_TEST_TMPDIR/root" /bin/busybox echo ran
	[[ $output == ran ]]
}
