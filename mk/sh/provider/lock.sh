# Lock files (lockfile(1)): sourced. Needs BIN and KS_CACHE.
# shellcheck shell=bash

# lock_get FILE SECTION KEY: the value; 3 if there is none.
lock_get() { "$BIN/lockfile" --get "$2.$3" "$1"; }

# lock_images FILE: a line "NAME<tab>DIGEST" for each image.
lock_images() { "$BIN/lockfile" --images "$1"; }

# lock_names FILE KIND: the NAME of each section [KIND NAME].
lock_names() { "$BIN/lockfile" --names "$2" "$1"; }

# lock_values SECTION KEY VALUE [KEY VALUE]...: lines for lockfile --write.
lock_values() {
	local section=$1
	shift
	printf '%s\t%s\n' "$@" | sed "s|^|$section\t|"
}

# lock_cached HEX URL: the path of the file with this SHA-256 in the user's cache; it is fetched if it is not there.
lock_cached() {
	local dir=$KS_CACHE/downloads/sha256
	mkdir -p "$dir"
	"$BIN/fetch" --sha256 "$1" --output "$dir/$1" "$2" || return
	echo "$dir/$1"
}
