# The layout of the sources: the rules for the rooms in tools/lib/README.md, the length of files, and no duplicates.
load lib/common

rooms() { "$TOP/mk/sh/dev/rooms" "$@"; }

# a_house: change to a copy of tools/lib, to break it.
a_house() {
	cp -R "$TOP/tools/lib" "$BATS_TEST_TMPDIR/lib"
	cd "$BATS_TEST_TMPDIR/lib"
}

@test "tools/lib: README.md allows every #include, and none are circular" {
	cd "$TOP"
	run -0 rooms
	[ -z "$output" ]
}

@test "an #include in the wrong direction is reported with its file and line" {
	a_house
	sed -i '1i #include "vm/qmp.h"' kube/yaml.c
	run -1 rooms "$PWD"
	[ "$output" = 'kube/yaml.c:1: kube may not include vm ("vm/qmp.h")' ]
}

@test "an #include is seen in every form" {
	local line
	a_house
	cp kube/yaml.c original
	for line in '# include "vm/qmp.h"' ' #include "vm/qmp.h"' '#include <vm/qmp.h>' '#include"vm/qmp.h"'; do
		{ echo "$line" && cat original; } > kube/yaml.c
		run -1 rooms "$PWD"
		[ "$output" = 'kube/yaml.c:1: kube may not include vm ("vm/qmp.h")' ]
	done
	# The system's headers have folders of the same names.
	{ echo '#include <net/if.h>' && cat original; } > kube/yaml.c
	rm original
	run -0 rooms "$PWD"
}

@test "files that include each other are reported" {
	a_house
	sed -i '1i #include "base/workers.h"' base/err.h
	run -1 rooms "$PWD"
	[[ $output == *'circle: '*'base/err -> '* ]]
}

@test "a room that is not in README.md is reported" {
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

@test "no ten lines occur twice" {
	cd "$TOP"
	git rev-parse --git-dir > /dev/null 2>&1 || skip "this is not a git checkout: its files are unknown"
	run -0 mk/sh/dev/duplicates
	[ -z "$output" ]
}

@test "ten lines that occur twice are reported" {
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

@test "docs/ARCHITECTURE.md has the table of tools/lib/README.md" {
	cd "$TOP"
	diff <(grep '^| ' tools/lib/README.md) <(sed -n '/^| room | what lives there/,/^$/p' docs/ARCHITECTURE.md | grep '^| ')
}

@test "no function in C is longer than 60 lines" {
	cd "$TOP"
	run -0 awk '/^{/ { from = FNR } /^}/ { if (from && FNR - from > 60) print FILENAME ":" from; from = 0 }' \
		mk/*.c tools/*.c tools/*/*.c tools/lib/*/*.c tests/*/*.c
	[ -z "$output" ]
}

@test "the documentation names only files that exist" {
	local file name missing=
	cd "$TOP"
	for file in README.md docs/*.md tools/lib/README.md; do
		# Between backquotes, from the top of the checkout; not patterns, and not names that stand for others.
		for name in $(grep -oE '`(mk|tools|docs|providers|tests|manifests|\.ci)/[^` ]*`' "$file" | tr -d '`' |
			grep -vE '\*|\b(NAME|ROOM|SCRIPT)\b'); do
			[ -e "$name" ] || missing+="$file: $name"$'\n'
		done
		# Links, from the file's own directory.
		for name in $(grep -oE '\]\([^)#:]+' "$file" | cut -c 3-); do
			[ -e "$(dirname "$file")/$name" ] || missing+="$file: $name"$'\n'
		done
	done
	[ -z "$missing" ] || { echo "$missing"; return 1; }
}

@test "docs/TOOLS.md has every program" {
	local page
	cd "$TOP"
	for page in tools/*.1; do
		page=${page##*/}
		grep -qE "^\| ([a-z]+, )?${page%.1}(, [a-z]+)? \|" docs/TOOLS.md || { echo "$page is missing"; return 1; }
	done
}
