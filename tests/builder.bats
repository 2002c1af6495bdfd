# What is compiled in the builder: the stage tools, with a builder that only says what it was asked to do; and in-tree.
load lib/common

# A checkout of the test's own, in which in-tree is a fake: it "compiles" each source to a program with its digest.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	T=$PWD/top
	mkdir -p "$T/tools/lib/base" "$T/mk" builder out cache
	cp -R "$TOP/mk/sh" "$T/mk/sh"
	for file in tools/one.c tools/two.c tools/one.1 tools/lib/base/a.h mk/tools.mk; do echo "$file" > "$T/$file"; done
	cat > "$T/mk/sh/stage/in-tree" <<-'END'
		#!/bin/bash
		printf '%s\n' "$@" > ran
		[ ! -e broken ] || { echo "one.c:1: error" >&2; exit 2; }
		for bind; do [[ $bind != /*=/build ]] || build=${bind%=/build}; done
		mkdir -p "$build/bin" "$build/obj"
		for source in "$TOP"/tools/*.c; do sha256sum < "$source" > "$build/bin/$(basename "$source" .c)"; done
	END
	echo 1234 > builder/id
	tar -C builder -cf builder/builder.tar id
}

# tools [OPTION...] [NAME=VALUE...]: run the stage, with options and variables of env(1).
tools() {
	rm -rf out
	mkdir out
	TOP=$T BIN=$PWD/bin OUT=$PWD/out KS_CACHE=$PWD/cache IN_builder=$PWD/builder builder_tools=builder env "$@" \
		"$TOP/providers/base/stage/tools"
}

@test "tools: compiled in the builder from read-only sources, once" {
	run -0 tools
	[[ $output == *"compiling the tools"* ]]
	[ "$(ls out) $(ls out/bin | paste -sd' ')" = "bin one two" ]
	grep -qx "$T/tools=/source/tools,ro" ran
	grep -qx "$T/mk/tools.mk=/source/mk/tools.mk,ro" ran
	rm ran
	run -0 tools CC=clang CFLAGS=-O0 SAN=address
	[[ $output == *"already compiled"* ]]
	[ ! -e ran ]
	[ "$(cat out/bin/one)" = "$(sha256sum < "$T/tools/one.c")" ]
}

@test "tools: compiled again if a source, a header, mk/tools.mk or the builder changes, but not for a page" {
	local file
	tools > /dev/null
	for file in "$T"/tools/{one.c,lib/base/a.h} "$T/mk/tools.mk" builder/id; do
		rm -f ran
		echo more >> "$file"
		tools > /dev/null
		[ -e ran ] || { echo "not compiled again: $file"; return 1; }
	done
	rm ran
	echo more >> "$T/tools/one.1"
	tools > /dev/null
	[ ! -e ran ]
}

@test "tools: those in the cache that were not used for a month are removed" {
	mkdir -p cache/tools/{old,new}/bin
	touch -d '40 days ago' cache/tools/old
	tools > /dev/null
	touch -d '40 days ago' cache/tools/*
	run -0 tools
	[[ $output == *"already compiled"* ]]
	[ ! -e cache/tools/old ]
	[ ! -e cache/tools/new ]
	[ -e out/bin/one ]
}

@test "tools: one that cannot be compiled: the compiler's words, and the next run compiles again" {
	touch broken
	run -2 tools
	[[ $output == *"one.c:1: error"* ]]
	rm broken
	run -0 tools
	[[ $output == *"compiling the tools"* ]]
	[ -e out/bin/two ]
}

@test "the builder's tree cannot be unpacked: one line" {
	echo damaged > builder/builder.tar
	run -1 tools
	[[ ${lines[-1]} == "error: the builder's tree cannot be unpacked in $PWD/out/builder: tar: "* ]]
}

@test "tools = host: this machine's, without a builder" {
	mkdir bin
	for file in one two become.so; do echo "mine" > bin/$file; done
	run -0 tools -u IN_builder builder_tools=host
	[ "$(ls out/bin | paste -sd' ')" = "one two" ]
	[ "$(cat out/bin/one)" = mine ]
	[ ! -e ran ]
	run -1 tools -u IN_builder
	[[ $output == *"the stage builder is disabled: set 'tools = host'"* ]]
}

@test "tools = host: a C library that is newer than the runner's" {
	fit() {
		env TOP="$TOP" IN_tools="$PWD/tools" IN_runner="$PWD/runner" debian_suite=bookworm "$@" \
			bash -c '. "$TOP/mk/sh/stage/lib.sh"; tools_fit'
	}
	mkdir -p tools/bin runner
	printf 'GLIBC_2.4\0GLIBC_2.38\0GLIBC_2.9' > tools/bin/one
	echo 2.38 > runner/libc
	fit builder_tools=host
	echo 2.36 > runner/libc
	run -1 fit builder_tools=host
	[[ $output == *"need GLIBC_2.38, but bookworm has GLIBC_2.36"* ]]
	fit builder_tools=builder
}

@test "in-tree: files of this machine, read-only ones, and its own variables" {
	[ "$(id -u)" = 0 ] || skip "mounting wants root"
	mkdir -p tree/{bin,proc,dev,run} "a=b"
	cp "$(command -v busybox)" tree/bin/busybox
	for file in sh cat env; do ln -s busybox "tree/bin/$file"; done
	echo text > "a=b/file"
	run -0 env X=1 "$TOP/mk/sh/stage/in-tree" tree "$PWD/a=b=/in/dir" "$PWD/a=b/file=/one,ro" -- sh -c \
		'cat /one; echo "${X-none} $HOME"; echo new > /in/dir/new; (echo more > /one) 2> /dev/null || echo read-only'
	[ "$output" = $'text\nnone /root\nread-only' ]
	[ "$(cat a=b/new)" = new ]
	[ "$(cat a=b/file)" = text ]
	# Nothing stays mounted.
	[ -z "$(ls tree/proc tree/in/dir)" ] || [ "$(ls tree/proc tree/in/dir)" = $'tree/in/dir:\n\ntree/proc:' ]
}
