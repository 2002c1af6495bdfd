# mk/sh/dev/doctor: requirements that this machine does not meet. The tests cannot know which it meets, so each looks at
# its own line.
load lib/common

setup() {
	export TOP BIN B=$BATS_TEST_TMPDIR/build
	export ENGINE='' ACCEL='' NODES=1 MEMORY='' API_PORT='' REGISTRY_PORT='' SSH_PORT='' PUBLISH='' PROVIDER_DIR=tests/providers/mini IMAGE_LAYOUT=none
	mkdir -p "$B"
	cd "$BATS_TEST_TMPDIR"
	# An engine has already been detected; engine.bats tests the detection.
	printf 'ENGINE=podman\nengine=(podman)\nengine_run=()\n' > "$B/engine-auto.conf"
}

teardown() { end_kept; }

doctor() { "$TOP/mk/sh/dev/doctor" "$@" 2>&1; }

# listen: listen on a free port until the test ends; TAKEN is its number.
listen() {
	local file=$BATS_TEST_TMPDIR/port
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
		open my $f, ">", "$ARGV[0].new" or die;
		print $f $s->sockport;
		close $f;
		rename "$ARGV[0].new", $ARGV[0];
		sleep 600' "$file" > /dev/null 2>&1 3>&- &
	keep_pid $!
	wait_for 20 test -e "$file"
	TAKEN=$(cat "$file")
}

@test "a line for each requirement; exit 1 only with a BAD one" {
	local what status_wanted=0
	run doctor
	for what in accel tun engine cgroups limits disk memory ports networks; do
		grep -qE "^  (ok|note|BAD) +$what " <<< "$output"
	done
	! grep -q '^  BAD' <<< "$output" || status_wanted=1
	[ "$status" = "$status_wanted" ]
	grep -qE '^  ok +ports ' <<< "$output"
	grep -qE '^  ok +engine +podman run' <<< "$output"
}

@test "free space: less is required of who has the provider's image" {
	local what
	# hostcheck is replaced by a program that prints its arguments.
	mkdir bin oci
	touch oci/oci-layout
	printf '#!/bin/sh\necho "$@"\n' > bin/hostcheck
	chmod +x bin/hostcheck
	BIN=$PWD/bin run -0 doctor
	[[ $output == *" --space 8G "* ]]
	BIN=$PWD/bin IMAGE_LAYOUT=$PWD/oci run -0 doctor
	[[ $output == *" --space 2G "* ]]
}

@test "a port in use is named, whichever variable sets it" {
	command -v ss > /dev/null || skip "ss is not installed"
	listen
	local var
	for var in "API_PORT=$TAKEN" "REGISTRY_PORT=$TAKEN" "SSH_PORT=$TAKEN" "PUBLISH=$TAKEN:30080"; do
		echo "$var"
		run -1 env "$var" "$TOP/mk/sh/dev/doctor"
		grep -qE "^  BAD +ports +already in use: $TAKEN;" <<< "$output"
	done
	# The port of the second node follows that of the first.
	run -1 env NODES=2 SSH_PORT=$((TAKEN - 1)) "$TOP/mk/sh/dev/doctor"
	grep -qE "^  BAD +ports .* $TAKEN;" <<< "$output"
}

@test "more memory than available: BAD, with the memory that is needed" {
	ACCEL=kvm MEMORY=4000000G NODES=2 run -1 doctor
	grep -qE '^  BAD +memory .* need 8192000000;' <<< "$output"
}

@test "without MEMORY the memory is that of the provider" {
	cp -r "$TOP/tests/providers/mini" "$BATS_TEST_TMPDIR/huge"
	sed -i 's/^memory = .*/memory = 4000000G/' "$BATS_TEST_TMPDIR/huge/provider.ini"
	TOP=$BATS_TEST_TMPDIR PROVIDER_DIR=huge
	mkdir -p "$TOP/mk"
	ln -s "$BATS_TEST_DIRNAME/../mk/sh" "$TOP/mk/sh"
	ln -s "$BATS_TEST_DIRNAME/../providers" "$TOP/providers"
	ACCEL=kvm run -1 doctor
	grep -qE '^  BAD +memory .* 4096000000;' <<< "$output"
}

@test "MEMORY that is not a size: BAD" {
	MEMORY=plenty run -1 doctor
	grep -qE '^  BAD +memory .*MEMORY=plenty' <<< "$output"
}

@test "no engine: BAD, with the output of the detection" {
	rm "$B/engine-auto.conf"
	ENGINE=no-such-engine run -1 doctor
	grep -qE '^  BAD +engine .*no-such-engine: not installed' <<< "$output"
}

@test "--quiet: BAD lines on standard error and nothing else" {
	run doctor --quiet
	[ -z "$(grep -v '^  BAD ' <<< "$output")" ]
	# Not with run --separate-stderr, which strips leading blanks.
	local status=0 out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	MEMORY=4000000G "$TOP/mk/sh/dev/doctor" --quiet > "$out" 2> "$err" || status=$?
	[ "$status" = 1 ]
	[ ! -s "$out" ]
	grep -qE "^  BAD +memory " "$err"
	run ! grep -v "^  BAD " "$err"
}
