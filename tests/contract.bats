# The conventions of kubestamp(7), checked for every tool.
load lib/common

# each CHECK: run CHECK TOOL for every tool, also after a failure.
each() {
	local src t bad=0
	for src in "$TOP"/tools/*.c; do
		t=$(basename "$src" .c)
		if [ ! -x "$BIN/$t" ]; then
			echo "$t: not built"
			bad=1
		elif ! "$1" "$t"; then
			bad=1
		fi
	done
	return "$bad"
}

# call STATUS TOOL ARG...: run TOOL, which must exit with STATUS; its output is in the files $out and $err.
call() {
	local want=$1 got=0
	shift
	out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	timeout 60 "$BIN/$1" "${@:2}" > "$out" 2> "$err" < /dev/null || got=$?
	[ "$got" = "$want" ] || no "$*: exit status $got instead of $want: $(cat "$err")"
}

# no TEXT: print what is wrong and fail.
no() {
	echo "$*"
	return 1
}

# The options of a tool's help, and of man pages, as "letter --name" ("- --name": it has no letter), sorted.
help_options() { timeout 60 "$BIN/$1" --help | sed -nE 's/^  (-(.), |    )--([a-z0-9-]+).*/\2 --\3/p' | sed 's/^ /- /' | sort; }
page_options() { sed -nE 's/^\.It Fl ((.) , )?-([a-z0-9-]+).*/\2 --\3/p' "$@" | sed 's/^ /- /' | sort; }
# Options that several tools share are in the pages of section 7 that a tool's page refers to; it may describe them too.
man_options() {
	local pages
	mapfile -t pages < <(sed -nE 's,^\.Xr (kubestamp[a-z-]*) 7( .*)?$,'"$TOP"'/tools/\1.7,p' "$TOP/tools/$1.1" | sort -u)
	page_options "$TOP/tools/$1.1" "${pages[@]}" | sort -u
}

@test "--help: on standard output, within 80 columns" {
	helps() {
		call 0 "$1" --help || return
		[ ! -s "$err" ] || no "$1: --help writes to standard error: $(cat "$err")" || return
		grep -q "^Usage: $1 " "$out" || no "$1: --help does not start with Usage:" || return
		! grep -nE '^.{81,}' "$out" || no "$1: --help has lines of more than 80 columns"
	}
	each helps
}

@test "-V: name and version of the tool, on standard output" {
	versions() {
		local option
		for option in -V --version; do
			call 0 "$1" "$option" || return
			[ ! -s "$err" ] || no "$1: $option writes to standard error: $(cat "$err")" || return
			grep -qE "^$1 .*[0-9]" "$out" || no "$1: $option prints: $(cat "$out")" || return
			[ "$(wc -l < "$out")" = 1 ] || no "$1: $option prints more than one line" || return
		done
	}
	each versions
}

@test "an unknown option: exit 2, one line and a reference to --help" {
	unknown() {
		local option
		for option in --no-such-option -%; do
			call 2 "$1" "$option" || return
			[ ! -s "$out" ] || no "$1: $option: standard output is not empty" || return
			[ "$(wc -l < "$err")" = 2 ] || no "$1: $option: not two lines: $(cat "$err")" || return
			head -1 "$err" | grep -q "^$1: .*$option" || no "$1: $option is not named: $(cat "$err")" || return
			[ "$(tail -1 "$err")" = "Try '$1 --help'." ] || no "$1: $option: $(tail -1 "$err")" || return
		done
	}
	each unknown
}

@test "--help, -V and --completion on a full disk: exit 1 and a message" {
	full() {
		local option status
		for option in --help -V --completion; do
			status=0
			timeout 60 "$BIN/$1" "$option" > /dev/full 2> "$BATS_TEST_TMPDIR/err" || status=$?
			[ "$status" = 1 ] || no "$1: $option > /dev/full: exit status $status" || return
			grep -q "^$1: " "$BATS_TEST_TMPDIR/err" || no "$1: $option > /dev/full: no message" || return
		done
	}
	each full
}

@test "the man page, with kubestamp(7), has the options of --help and no others" {
	same() {
		local diff
		[ -e "$TOP/tools/$1.1" ] || no "$1: no man page" || return
		[ -n "$(help_options "$1")" ] || no "$1: no options in its help" || return
		diff=$(diff <(help_options "$1") <(man_options "$1")) || no "$1: help (<) and man page (>) differ: $diff" || return
		[ "$(grep -c '^\.It Fl' "$TOP/tools/$1.1")" = "$(page_options "$TOP/tools/$1.1" | wc -l)" ] || no "$1: man page: an option without a long name" || return
		diff=$(page_options "$TOP/tools/$1.1" | uniq -d)
		[ -z "$diff" ] || no "$1: man page: documented twice: $diff"
	}
	each same
}

@test "kubestamp(7) has the options and exit codes of all tools, and every man page refers to it" {
	refers() {
		grep -qx '\.Xr kubestamp 7 [.,]' "$TOP/tools/$1.1" || no "$1: man page: no reference to kubestamp(7)" || return
		# Exit codes: those of kubestamp(7) and no others.
		local code
		for code in $(exit_codes "$TOP/tools/$1.1"); do
			exit_codes "$TOP/tools/kubestamp.7" | grep -qx "$code" || no "$1: man page: exit code $code is not in kubestamp(7)" || return
		done
	}
	exit_codes() { sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It \([0-9]*\)$/\1/p' "$1"; }
	diff <(page_options "$TOP/tools/kubestamp.7") <(printf '%s\n' 'v --verbose' 'h --help' 'V --version' '- --completion' | sort)
	diff <(exit_codes "$TOP/tools/kubestamp.7") <(sed -nE 's/^\tEX_[A-Z_]+ = ([0-9]+),.*/\1/p' "$TOP/tools/lib/base/cli.h")
	each refers
}

@test "the man page passes mandoc's lint" {
	command -v mandoc > /dev/null || skip "mandoc is not installed"
	lint() {
		local words
		words=$(mandoc -T lint -W warning "$TOP/tools/$1.1" 2>&1) || no "$1: man page: $words"
	}
	mandoc -T lint -W warning "$TOP"/tools/*.[57]
	each lint
}

@test "--completion: valid bash that offers every long option" {
	completes() {
		local words name
		call 0 "$1" --completion || return
		[ ! -s "$err" ] || no "$1: --completion writes to standard error: $(cat "$err")" || return
		bash -n "$out" || no "$1: --completion is not bash" || return
		words=$(bash -c '. "$1" && complete -p "$2"' bash "$out" "$1" | tr "'" ' ') || no "$1: --completion completes nothing" || return
		for name in $(help_options "$1" | cut -d ' ' -f 2); do
			[[ " $words " == *" $name "* ]] || no "$1: --completion lacks $name" || return
		done
	}
	each completes
}

@test "every tool has a man page and tests, every man page a tool" {
	local page bad=0
	has() {
		[ -s "$TOP/tools/$1.1" ] || no "$1: no man page tools/$1.1" || return
		[ -s "$TOP/tests/$1.bats" ] || no "$1: no tests/$1.bats"
	}
	each has || bad=1
	# Libraries too.
	for page in "$TOP"/tools/preload/*.c; do has "$(basename "$page" .c)" || bad=1; done
	for page in "$TOP"/tools/*.1; do
		[ -e "${page%.1}.c" ] || [ -e "$TOP/tools/preload/$(basename "$page" .1).c" ] || no "$(basename "$page"): a man page without a tool" || bad=1
	done
	return "$bad"
}
