# lockfile: reading lock files, with an error for every mistake, and writing them.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cat > lock.ini <<-'END'
		; The downloads of x.
		[lock]
		version = 1.30.2

		[file kubeadm]
		path = release/kubeadm
		sha256 = 00ff

		[image pause]
		name = r.example/pause:3.9
		digest = sha256:11

		[image without]
		name = r.example/without:1
	END
}

@test "all values or one of them; names and images" {
	run -0 lockfile lock.ini
	[ "${#lines[@]}" = 6 ]
	[ "${lines[2]}" = $'file kubeadm\tsha256\t00ff' ]
	[ "$(lockfile --get lock.version lock.ini)" = 1.30.2 ]
	[ "$(lockfile -g 'file kubeadm.path' lock.ini)" = release/kubeadm ]
	run -3 lockfile -g 'file kubectl.path' lock.ini
	[ -z "$output" ]
	[ "$(lockfile --names image lock.ini)" = $'pause\nwithout' ]
	[ "$(lockfile --images lock.ini)" = $'r.example/pause:3.9\tsha256:11' ]
}

@test "--files: digests and URLs; a path is relative to the given URL" {
	printf '\n[file crictl]\nurl = https://x/crictl.tar.gz\nsha256 = 11\n' >> lock.ini
	[ "$(lockfile --files http://m lock.ini)" = $'00ff\thttp://m/release/kubeadm\n11\thttps://x/crictl.tar.gz' ]
	printf '\n[file kubectl]\nurl = https://x/kubectl\n' >> lock.ini
	run -2 --separate-stderr lockfile --files http://m lock.ini
	[ "$stderr" = "lockfile: lock.ini: [file kubectl] has no sha256" ]
	sed -i 's/^url = .*kubectl/sha256 = 22/' lock.ini
	run -2 --separate-stderr lockfile --files http://m lock.ini
	[ "$stderr" = "lockfile: lock.ini: [file kubectl] has no url and no path" ]
}

@test "each mistake is an error with its line" {
	refuses lockfile 'none.ini: No such file or directory' none.ini
	echo 'path = x' >> lock.ini
	refuses_at() { refuses lockfile "lock.ini:$1" lock.ini; }
	echo 'path = y' >> lock.ini
	refuses_at '16: duplicate key path'
	sed -i '16s/.*/[lock]/' lock.ini
	refuses_at '16: duplicate section \[lock\]'
	sed -i '16s/.*/path=z/' lock.ini
	refuses_at '16: neither \[section\] nor key = value'
	sed -i '2d' lock.ini
	refuses_at '2: a value before any section'
}

@test "--write: a file that was read is written back unchanged" {
	lockfile lock.ini > values
	lockfile --write --comment 'The downloads of x.' new.ini < values
	cmp lock.ini new.ini
	run -0 lockfile new.ini
	[ "$output" = "$(cat values)" ]
	# Without [lock] at the top there is an empty line before the first section.
	printf 'file a\turl\tu\n' | lockfile -w -c c new.ini
	[ "$(cat new.ini)" = $'; c\n\n[file a]\nurl = u' ]
}

@test "values that a lock file cannot contain: exit 2, and the old file stays" {
	try() {
		printf "$1\n" > values
		run -2 lockfile --write lock.ini < values
		[[ $output == "lockfile: standard input:"* ]]
	}
	cp lock.ini before
	try 'no tabs'
	try 'file a\tKEY\tv'
	try 'file a]\tkey\tv'
	try 'file a\tkey\tv\nfile a\tkey\tw'
	cmp before lock.ini
	[ "$(ls)" = $'before\nlock.ini\nvalues' ]
}

@test "usage errors" {
	refuses lockfile 'one file is needed'
	refuses lockfile 'only one of *' --images --write lock.ini
	refuses lockfile '--comment needs --write' --comment x lock.ini
	refuses lockfile "'lock' is not SECTION.KEY" --get lock lock.ini
}
