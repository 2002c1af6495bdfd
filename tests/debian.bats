# mk/sh/stage/debian.sh: where Debian's packages come from, and which a file system has.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir bin
	# What apt knows: lines "URI|CODENAME|COMPONENT|SIGNED-BY|ORIGIN"; and without downloaded lists.
	printf '#!/bin/sh\ncase $* in *no-release-info*) cat %s ;; *) cat %s ;; esac\n' "$PWD/unlisted" "$PWD/targets" > bin/apt-get
	chmod +x bin/apt-get
	printf '%s\n' 'http://mirror.example/debian|bookworm|main|$(SIGNED_BY)|Debian' \
		'http://mirror.example/debian|bookworm-updates|main|$(SIGNED_BY)|Debian' \
		'http://mirror.example/security|bookworm-security|main|/keys/security.gpg|Debian' \
		'http://other.example/debian|bookworm|contrib|$(SIGNED_BY)|Debian' 'http://other.example/node|nodistro|main||. nodistro' > targets
	: > unlisted
	printf 'ID=debian\nVERSION_CODENAME=bookworm\n' > os-release
}

# sources SUITE: run debian_sources on a machine with that apt and that os-release.
sources() {
	env PATH="$PWD/bin:$PATH" TOP="$TOP" MIRROR="${MIRROR:-}" bash -c '. "$TOP/mk/sh/common/fail.sh"
		eval "$(sed "s,/etc/os-release,$PWD/os-release," "$TOP/mk/sh/stage/debian.sh")"
		debian_sources "$1"' sh "$1"
}
KEY=/usr/share/keyrings/debian-archive-keyring.gpg

@test "the machine's own release: the lines that apt has, with their keys" {
	run -0 sources bookworm
	[ "$output" = "$(printf 'deb [signed-by=%s] %s main\n' "$KEY" 'http://mirror.example/debian bookworm' \
		"$KEY" 'http://mirror.example/debian bookworm-updates' /keys/security.gpg 'http://mirror.example/security bookworm-security')" ]
}

@test "another release: from the same mirrors, verified by Debian's keyring" {
	run -0 sources trixie
	[ "$output" = "$(printf 'deb [signed-by=%s] %s main\n' "$KEY" 'http://mirror.example/debian trixie' \
		"$KEY" 'http://mirror.example/debian trixie-updates' "$KEY" 'http://mirror.example/security trixie-security')" ]
}

@test "a release that apt has beside the machine's own is taken as it is" {
	echo 'http://third.example/debian|trixie|main|/keys/third.gpg|Debian' >> targets
	run -0 sources trixie
	[ "$output" = "deb [signed-by=/keys/third.gpg] http://third.example/debian trixie main" ]
}

@test "a repository of others, with Debian's names for its suites, is not used" {
	printf '%s\n' 'http://vendor.example/apt|bookworm|main|/keys/vendor.gpg|Vendor Inc' \
		'http://vendor.example/apt|trixie|main|/keys/vendor.gpg|Vendor Inc' >> targets
	run -0 sources bookworm
	[[ $output != *vendor* ]]
	run -0 sources trixie
	[[ $output != *vendor* ]]
	[[ $output == *"http://mirror.example/debian trixie main"* ]]
}

@test "no package lists were downloaded yet: the configuration alone says where Debian is" {
	: > targets
	printf '%s\n' 'http://mirror.example/debian|bookworm|main|$(SIGNED_BY)|$(ORIGIN)' > unlisted
	run -0 sources trixie
	[ "$output" = "deb [signed-by=$KEY] http://mirror.example/debian trixie main" ]
}

@test "MIRROR is the only source" {
	MIRROR=http://mine.example/debian run -0 sources trixie
	[ "$output" = "deb [signed-by=$KEY] http://mine.example/debian trixie main" ]
}

@test "a machine that is not Debian: MIRROR is needed" {
	printf 'ID=ubuntu\nVERSION_CODENAME=noble\n' > os-release
	printf '%s\n' 'http://archive.example/ubuntu|noble|main||Ubuntu' > targets
	run -1 sources trixie
	[[ $output == *"no Debian release trixie: set MIRROR= to a Debian mirror"* ]]
}

@test "checkout_tar: of modes only what git knows, whatever the umask with which the checkout was made" {
	local umask
	for umask in 022 077 002; do
		(
			umask "$umask"
			mkdir -p "tree.$umask/etc"
			echo a > "tree.$umask/etc/a"
			echo b > "tree.$umask/b"
			chmod +x "tree.$umask/b"
			ln -s a "tree.$umask/etc/link"
		)
		env TOP="$TOP" bash -c '. "$TOP/mk/sh/stage/lib.sh"; checkout_tar "$1"' sh "tree.$umask" | tar -tvf - | awk '{ print $1, $2, $6 }' | LC_ALL=C sort > "list.$umask"
	done
	[ "$(cat list.022)" = $'-rw-r--r-- root/root ./etc/a\n-rwxr-xr-x root/root ./b\ndrwxr-xr-x root/root ./\ndrwxr-xr-x root/root ./etc/\nlrwxr-xr-x root/root ./etc/link' ]
	cmp list.022 list.077
	cmp list.022 list.002
}

@test "debian_packages: the names and versions in a file system" {
	mkdir -p tree/var/lib/dpkg out
	printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: m\nDescription: d\n Package: no\nVersion: %s\n\n' \
		base-files 12.4 libc6 2.36-9+deb12u1 > tree/var/lib/dpkg/status
	tar -C tree -cf tree.tar .
	OUT=$PWD/out
	. "$TOP/mk/sh/stage/debian.sh"
	[ "$(debian_packages tree.tar)" = $'base-files 12.4\nlibc6 2.36-9+deb12u1' ]
	[ -z "$(ls out)" ]
	echo x > x
	tar -cf x.tar x
	run ! bash -euc '. "$TOP/mk/sh/stage/debian.sh"; OUT=. debian_packages x.tar'
}
