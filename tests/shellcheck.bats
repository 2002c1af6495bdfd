# Every shell script of ours, held against shellcheck.
load lib/common

@test "shellcheck finds nothing to warn of" {
	local scripts
	command -v shellcheck > /dev/null || skip "shellcheck is not installed"
	cd "$TOP"
	mapfile -t scripts < <(find mk/sh mk/bench .ci/run providers/*/stage providers/*/seal manifests/*/*.render tests/providers/mini -type f ! -name '*.ini' | sort)
	[ "${#scripts[@]}" -gt 20 ]
	# Not of use here: files that are found at run time (1090, 1091), variables that the sourced file reads (2034)
	# or that the caller's environment sets (2154).
	shellcheck -x -P SCRIPTDIR -S warning -e SC1090,SC1091,SC2034,SC2154 -f gcc "${scripts[@]}"
}
