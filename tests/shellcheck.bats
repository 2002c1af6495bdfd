# Checks all shell scripts of the repository with shellcheck.
load lib/common

# shell_scripts: print the shell scripts in the current repository, new ones included, by their first line or by a
# directive of shellcheck. bats files have neither.
shell_scripts() {
	local f
	git ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d '' f; do [ ! -f "$f" ] || [ -L "$f" ] || printf '%s\0' "$f"; done |
		LC_ALL=C xargs -0 awk '
			FNR == 1 && /^#!.*[\/ \t](ba|da)?sh([ \t]|$)/ { print FILENAME; nextfile }
			/^# shellcheck shell=/ { print FILENAME; nextfile }' | sort
}

# unmarked_scripts: print the files that should have one of these lines and have neither: executables without an interpreter, and
# files in directories of scripts whose names do not say that they are something else.
unmarked_scripts() {
	local f
	{
		git ls-files -z -- providers tests/providers mk/sh mk/bench mk/conformance .ci |
			grep -zvE '\.(ini|conf|network|service|toml|yaml|pl|go|mod|sum)$' | tr '\0' '\n'
		git ls-files -s | sed -n 's/^100755 [^\t]*\t//p'
	} | sort -u | while IFS= read -r f; do
		[ -f "$f" ] && ! head -n 1 "$f" | grep -aq '^#!' || continue
		grep -aq '^# shellcheck shell=' "$f" || echo "$f"
	done
}

@test "shellcheck finds no errors and no warnings" {
	local scripts f
	command -v shellcheck > /dev/null || skip "shellcheck is not installed"
	cd "$TOP"
	mapfile -t scripts < <(shell_scripts)
	# Some scripts of each kind, to check that none are missed.
	for f in .ci/run mk/sh/common/fail.sh mk/sh/dev/check mk/bench/push providers/base/initrd/init \
		providers/base/rootfs.d/finish providers/base/rootfs/usr/lib/kubestamp/seed providers/base/stage/boot \
		providers/kubernetes/check providers/kubernetes/disk.d/kubernetes providers/kubernetes/seal/before \
		providers/kubernetes/image/tools/usr/local/bin/local-volumes manifests/istio/istio.yaml.render \
		tests/lib/common.bash tests/providers/mini/node/setup; do
		[[ " ${scripts[*]} " == *" $f "* ]] || { echo "not found: $f"; return 1; }
	done
	# Excluded: files that are found at run time (1090, 1091), variables that the sourced file reads (2034) or that the
	# caller's environment sets (2154), and the hint that scripts for busybox are checked as dash (2187).
	shellcheck -x -P SCRIPTDIR -S warning -e SC1090,SC1091,SC2034,SC2154,SC2187 -f gcc "${scripts[@]}"
}

@test "shellcheck finds no errors in the tests" {
	command -v shellcheck > /dev/null || skip "shellcheck is not installed"
	cd "$TOP"
	# Above all "! command" that is not the last of a test (2314): its failure is ignored.
	shellcheck -s bats -x -P SCRIPTDIR -S error -e SC1090,SC1091 -f gcc tests/*.bats
}

@test "every script has a #! line or a shellcheck directive" {
	cd "$TOP"
	run -0 unmarked_scripts
	[ -z "$output" ]
}

@test "scripts are found by their #! line or directive, wherever they are; one with neither is reported" {
	local dir=$BATS_TEST_TMPDIR/repository
	mkdir -p "$dir/providers/x/stage" "$dir/providers/x/rootfs/etc" "$dir/deep/er"
	cd "$dir"
	git init -q .
	printf '#!/bin/bash\n' > providers/x/stage/one
	printf '#!/usr/bin/env bash\n' > deep/env
	printf '#!/bin/busybox sh\n' > deep/er/busybox
	printf '#!/bin/sh -e\n' > 'deep/a name'
	printf '# Sourced.\n# More of it.\n# shellcheck shell=bash\n' > deep/sourced
	printf '#!/usr/bin/perl\n' > deep/perl
	printf 'text\n#!/bin/bash\n' > deep/text
	printf 'key = value\n' > providers/x/rootfs/etc/x.conf
	printf 'echo no mark\n' > providers/x/stage/two
	printf 'echo no mark\n' > deep/executable
	chmod +x deep/executable
	git add .
	printf '#!/bin/bash\n' > deep/untracked
	run -0 shell_scripts
	[ "$output" = "$(printf '%s\n' 'deep/a name' deep/env deep/er/busybox deep/sourced deep/untracked providers/x/stage/one)" ]
	run -0 unmarked_scripts
	[ "$output" = "$(printf '%s\n' deep/executable providers/x/stage/two)" ]
}
