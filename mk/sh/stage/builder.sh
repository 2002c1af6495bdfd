# The Debian tree of the stage builder, in which programs are compiled. Sourced by stages, after lib.sh.
# shellcheck shell=bash

# builder_run [SOURCE=PATH[,ro]]... -- COMMAND [ARGUMENT]...: run COMMAND in the tree, which is unpacked first: see in-tree.
# builder_remove, which a stage calls when it ends, removes the tree.
builder_run() {
	builder_unpack
	"$TOP/mk/sh/stage/in-tree" "$OUT/builder" "$@"
}

# builder_unpack: unpack it, if it is not there yet.
builder_unpack() {
	[ ! -e "$OUT/builder/complete" ] || return 0
	say "unpacking the builder"
	mkdir -p "$OUT/builder"
	tar -C "$OUT/builder" -xpf "$IN_builder/builder.tar" --numeric-owner --exclude='./dev/*' 2> "$OUT/builder.said" ||
		fail "the builder's tree cannot be unpacked in $OUT/builder: $(head -n 1 "$OUT/builder.said")"
	rm "$OUT/builder.said"
	touch "$OUT/builder/complete"
}

builder_remove() { rm -rf "$OUT/builder"; }

# builder_cached WHAT DIR COMMAND [ARGUMENT]...: make the directory DIR of the user's cache with COMMAND ARGUMENT... DIR.new, unless it
# is complete. One make at a time makes it; the others wait for it, and then take what it has made. WHAT is for the log.
builder_cached() {
	local dir=$2 lock
	mkdir -p "${dir%/*}"
	exec {lock}> "$dir.lock"
	flock -n "$lock" || { say "waiting for another make, which compiles $1"; flock "$lock"; }
	if [ -e "$dir/complete" ]; then
		say "already compiled: $1"
	else
		# One that was killed may have left it.
		rm -rf "$dir.new"
		"${@:3}" "$dir.new"
		# What is complete stays so when the machine loses its power.
		sync -f "$dir.new"
		touch "$dir.new/complete"
		rm -rf "$dir"
		mv -T "$dir.new" "$dir"
	fi
	# What was used lately is kept (gc, and the stage tools).
	touch "$dir" "$dir/complete"
	exec {lock}>&-
}

# builder_version PATTERN: print "NAME VERSION" of the tree's packages whose names match the extended regular expression.
builder_version() { grep -E "^($1) " "$IN_builder/packages"; }
