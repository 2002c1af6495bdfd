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

@test "get: one value, with its continuation lines" {
	[ "$(inifile --get a.x f)" = '1 2' ]
	[ "$(inifile -g a.y.z f)" = 3 ]
	[ "$(inifile -g 'b c.x' f)" = 4 ]
	run -3 inifile --get a.z f
	[ -z "$output" ]
	run -3 inifile --get e.x f
	echo nothing >> f
	run -2 inifile --get a.x f
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

@test "set: the words of a value that is too long for a line are continued on the next" {
	local value word=a-word-of-19-letters
	value=$(printf "$word%02d " $(seq 12))
	inifile -i -s "a.x=${value% }" f
	[ "$(sed -n 3,6p f)" = "x = ${word}01 ${word}02 ${word}03 ${word}04
  ${word}05 ${word}06 ${word}07 ${word}08
  ${word}09 ${word}10 ${word}11 ${word}12
y.z = 3" ]
	[ "$(inifile -l a f | head -n 1)" = "x=${value% }" ]
	# It replaces all of its lines; without a blank it stays as it is.
	inifile -i -s a.x=9 f
	[ "$(sed -n 3,4p f)" = $'x = 9\ny.z = 3' ]
	value=$(printf 'x%.0s' $(seq 300))
	[ "$(inifile -s "a.x=$value" f | sed -n 3p)" = "x = $value" ]
}

@test "replace: a word of a value, of its += lines and continuation lines; nothing else changes" {
	cat > f <<-'END'
		[a]
		x = one two-1 one.1 ; one
		  one
		; one
		  two-1 one
		y = one
		x += one
		z = 1
		  one
		[b]
		x = one
	END
	cp f before
	[ "$(inifile --replace 'a.x=one 1' f)" = "$(sed -e '2s/= one /= 1 /; 3s/one/1/; 5s/one/1/; 7s/one/1/' before)" ]
	cmp before f
	inifile -i -r 'a.x=two-1 two-2' -r 'b.x=one 3' f
	[ "$(diff before f | grep -c '^>')" = 3 ]
	[ "$(tail -n 1 f)" = "x = 3" ]
	# A word that is not there, in part only, or of another key: exit 3, and the file stays.
	cp f before
	for word in 'a.x=tw x' 'a.y=two-2 x' 'c.x=one x'; do run -3 inifile -i -r "$word" f; done
	run -3 inifile -i -r 'a.x=one 1' -r 'a.x=nothing 1' f
	cmp before f
	inifile -i -s a.x=new -r 'a.x=new newer' f
	[ "$(sed -n 2p f)" = "x = newer" ]
}

@test "usage errors" {
	refuses inifile "'a.b=c' is not SECTION.KEY=OLD NEW" -r a.b=c f
	refuses inifile "'a.b=c d e' is not SECTION.KEY=OLD NEW" -r 'a.b=c d e' f
	refuses inifile 'one of --get, --list, --set and --replace is needed' f
	refuses inifile 'one of --get, --list, --set and --replace is needed' -g a.x -l a f
	refuses inifile "'a' is not SECTION.KEY" -g a f
	refuses inifile "'a]b.c' is not SECTION.KEY" -g a]b.c f
	refuses inifile '--in-place needs --set or --replace' -i -l a f
	refuses inifile "'a=b' is not SECTION.KEY=VALUE" -s a=b f
	refuses inifile "'a.b' is not SECTION.KEY=VALUE" -s a.b f
	refuses inifile 'one file is needed' -s a.b=c
	refuses inifile 'none: No such file or directory' -s a.b=c none
}
