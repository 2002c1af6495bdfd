# mk/sh/dev/deps, with and without apt. The programs that it runs are fakes; nothing is installed.
load lib/common

setup() {
	FAKE=$BATS_TEST_TMPDIR/bin
	mkdir -p "$FAKE"
	local p
	for p in bash sh cat env printf mktemp rm chmod tail grep flock; do ln -s "$(command -v "$p")" "$FAKE/$p"; done
}

# fake NAME: make a program of that name from the script on standard input.
fake() {
	{ echo "#!/bin/bash"; cat; } > "$FAKE/$1"
	chmod +x "$FAKE/$1"
}

# apt INSTALLED: fake dpkg-query, which knows that package, and apt-get, which records its arguments.
apt() {
	fake dpkg-query <<< "[ \"\${!#}\" = $1 ] && printf installed"
	fake apt-get <<< "echo \"\$*\" >> '$BATS_TEST_TMPDIR/apt'; [ ! -e '$BATS_TEST_TMPDIR/broken' ] || { echo 'apt is broken' >&2; exit 100; }"
}

deps() { PATH=$FAKE "$TOP/mk/sh/dev/deps" "$@"; }

@test "without apt: missing packages are listed, exit 1" {
	fake qemu-img < /dev/null
	fake cc <<< '! grep -q curl'
	run -1 deps qemu-utils podman libjansson-dev libcurl4-openssl-dev
	[ "$output" = "error: apt not found; install the equivalents of these Debian packages:"$'\n  podman\n  libcurl4-openssl-dev' ]
}

@test "without apt, nothing missing: no output" {
	fake podman < /dev/null
	run -0 deps podman
	[ -z "$output" ]
}

@test "with apt, everything installed: apt is not called" {
	apt podman
	run -0 deps podman
	[ -z "$output" ]
	[ ! -e "$BATS_TEST_TMPDIR/apt" ]
}

@test "with apt, not root: the missing packages and the command to run, exit 1" {
	apt podman
	fake id <<< 'echo 1000'
	run -1 deps podman skopeo
	[ "$output" = "error: missing packages; install them with 'sudo make deps':"$'\n  skopeo' ]
	[ ! -e "$BATS_TEST_TMPDIR/apt" ]
}

@test "with apt, root: missing packages are installed by name" {
	[ "$(id -u)" = 0 ] || skip "only root can keep the services of packages from starting"
	apt podman
	fake id <<< 'echo 0'
	run -0 deps podman skopeo bats
	grep -q ' update$' "$BATS_TEST_TMPDIR/apt"
	grep -q ' install -y --no-install-recommends skopeo bats$' "$BATS_TEST_TMPDIR/apt"
}

@test "apt fails: its output, exit 1" {
	[ "$(id -u)" = 0 ] || skip "only root can keep the services of packages from starting"
	apt podman
	fake id <<< 'echo 0'
	touch "$BATS_TEST_TMPDIR/broken"
	run -1 deps skopeo
	[[ $output == *"apt is broken"*"apt-get update failed"* ]]
}

@test "services do not start while packages are installed, and can afterwards, even if deps was killed" {
	[ "$(id -u)" = 0 ] || skip "only root can keep the services of packages from starting"
	local sbin=$BATS_TEST_TMPDIR/sbin
	mkdir "$sbin"
	apt podman
	fake id <<< 'echo 0'
	# What apt sees; apt kills deps if it is told to.
	fake apt-get <<< "/usr/sbin/policy-rc.d; echo \$? >> '$BATS_TEST_TMPDIR/seen'; [ ! -e '$BATS_TEST_TMPDIR/kill' ] || kill -9 \$PPID"
	# in_sbin COMMAND: run it with a directory of the test's own as /usr/sbin.
	in_sbin() { unshare --mount --propagation private bash -c 'mount --bind "$1" /usr/sbin && export PATH=$2 && shift 2 && exec "$@"' bash "$sbin" "$FAKE" "$@"; }
	run -0 in_sbin "$TOP/mk/sh/dev/deps" skopeo
	[ "$(sort -u "$BATS_TEST_TMPDIR/seen")" = 101 ]
	[ -z "$(ls "$sbin")" ]
	touch "$BATS_TEST_TMPDIR/kill"
	run -137 in_sbin "$TOP/mk/sh/dev/deps" skopeo
	[ -x "$sbin/policy-rc.d" ]
	# Its apt may take a moment to end.
	wait_for 10 in_sbin /usr/sbin/policy-rc.d
	# The next one removes it; another program's stays.
	rm "$BATS_TEST_TMPDIR/kill"
	run -0 in_sbin "$TOP/mk/sh/dev/deps" skopeo
	[ -z "$(ls "$sbin")" ]
	echo other > "$sbin/policy-rc.d"
	run in_sbin "$TOP/mk/sh/dev/deps" skopeo
	[ "$(cat "$sbin/policy-rc.d")" = other ]
}
