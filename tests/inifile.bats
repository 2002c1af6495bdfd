# inifile: a section of an INI file, and a changed value. tests/provider-commands.bats has more of --set.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	printf '; c\n[a]\nx = 1 ; one\n  2\ny.z = 3\n\n[b c]\nx = 4\n[d]\n' > f
}

@test "list: a section's values, with their continuation lines" {
	[ "$(inifile --list a f)" = $'x=1 2\ny.z=3' ]
	[ "$(inifile -l 'b c' f)" = x=4 ]
	run -3 inifile --list d f
	run -3 inifile --list e f
	echo nothing >> f
	run -2 inifile --list a f
	[[ $output == "inifile: f:10: "* ]]
}

@test "set: on standard output, or in place; nothing else changes" {
	cp f before
	[ "$(inifile --set a.x=9 f)" = $'; c\n[a]\nx = 9\ny.z = 3\n\n[b c]\nx = 4\n[d]' ]
	cmp before f
	inifile -i -s 'b c.x=5 = 6' f
	[ "$(diff before f)" = $'8c8\n< x = 4\n---\n> x = 5 = 6' ]
	inifile -i -s 'b c.x=4' f
	cmp before f
	inifile -i -s 'd.new=1' f
	[ "$(tail -n 2 f)" = $'[d]\nnew = 1' ]
	[ "$(inifile -s 'e.k=' f | tail -n 3)" = $'\n[e]\nk = ' ]
	# Several at once; all of them or none.
	[ "$(inifile -s a.x=7 -s d.new=8 -s e.k=9 f)" = $'; c\n[a]\nx = 7\ny.z = 3\n\n[b c]\nx = 4\n[d]\nnew = 8\n\n[e]\nk = 9' ]
	cp f before
	run -2 inifile -i -s a.x=7 -s nothing f
	cmp before f
}

@test "set: a file without a newline at its end, and an empty one" {
	printf '[a]\nx = 1' > f
	printf '[a]\nx = 2\n' | cmp - <(inifile -s a.x=2 f)
	printf '[a]\nx = 1\ny = 2\n' | cmp - <(inifile -s a.y=2 f)
	: > f
	[ "$(inifile -s a.x=1 f)" = $'\n[a]\nx = 1' ]
}

@test "usage errors" {
	refuses inifile 'one of --list and --set is needed' f
	refuses inifile '--in-place needs --set' -i -l a f
	refuses inifile "'a=b' is not SECTION.KEY=VALUE" -s a=b f
	refuses inifile "'a.b' is not SECTION.KEY=VALUE" -s a.b f
	refuses inifile 'one file is needed' -s a.b=c
	refuses inifile 'none: No such file or directory' -s a.b=c none
}
