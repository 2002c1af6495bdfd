# How the sources are laid out: what tools/lib/README.md says of its rooms, and that nothing is written twice.
load lib/common

rooms() { "$TOP/mk/sh/dev/rooms" "$@"; }

# a_house: a copy of tools/lib to break.
a_house() {
	cp -R "$TOP/tools/lib" "$BATS_TEST_TMPDIR/lib"
	cd "$BATS_TEST_TMPDIR/lib"
}

@test "tools/lib: every #include is one that README.md allows, and there are no circles" {
	cd "$TOP"
	run -0 rooms
	[ -z "$output" ]
}

@test "an #include against the direction is named, with file and line" {
	a_house
	sed -i '1i #include "vm/qmp.h"' kube/yaml.c
	run -1 rooms "$PWD"
	[ "$output" = 'kube/yaml.c:1: kube may not include vm ("vm/qmp.h")' ]
}

@test "a circle between files is named" {
	a_house
	sed -i '1i #include "base/workers.h"' base/err.h
	run -1 rooms "$PWD"
	[[ $output == *'circle: '*'base/err -> '* ]]
}

@test "a room that README.md does not know is named" {
	a_house
	mkdir attic
	printf '#include "base/err.h"\n' > attic/box.c
	run -1 rooms "$PWD"
	[ "$output" = 'attic/box.c: the room attic is not in README.md' ]
}

@test "no file of tools/lib, and no tool, is longer than 600 lines" {
	cd "$TOP"
	run -0 awk 'FNR == 601 { print FILENAME }' tools/*.c tools/lib/*/*.[ch]
	[ -z "$output" ]
}

@test "no two places share ten lines" {
	cd "$TOP"
	git rev-parse --git-dir > /dev/null 2>&1 || skip "this is no git checkout: what belongs to it is not known"
	run -0 mk/sh/dev/duplicates
	[ -z "$output" ]
}

@test "two places that share ten lines are named" {
	local i
	cd "$BATS_TEST_TMPDIR"
	git init -q .
	mkdir tools
	for i in $(seq 12); do echo "  line $i"; done > tools/a
	{ echo first; for i in $(seq 2 11); do echo "line $i"; done; } > tools/b
	git add tools
	run -1 "$TOP/mk/sh/dev/duplicates" 10 tools
	[ "$output" = "tools/a:2 and tools/b:2 share 10 lines" ]
	run -0 "$TOP/mk/sh/dev/duplicates" 11 tools
}
