# Lock files: what `make pin` looked up, and what is checked ever after. Sourced. An INI file of sections
# [KIND NAME], one a file or image that comes from elsewhere, with lines "key = value", as git likes to see them:
#
#   [file kubeadm]
#   path = v1.22.17/bin/linux/amd64/kubeadm
#   sha256 = 64 hexadecimal digits
#
#   [image kube-apiserver]
#   name = k8s.gcr.io/kube-apiserver:v1.22.17
#   digest = sha256:64 hexadecimal digits
# shellcheck shell=bash

# lock_lines FILE: each value as a line "KIND NAME<tab>key<tab>value". A line that is none of the above, or a key
# that is there twice, is an error that names the file and the line.
lock_lines() {
	[ -r "$1" ] || { printf '%s: it cannot be read\n' "$1" >&2; return 1; }
	awk -v file="$1" '
		function bad(what) { printf "%s:%d: %s\n", file, NR, what > "/dev/stderr"; failed = 1; exit 1 }
		/^[ \t]*(;.*)?$/ { next }
		/^\[[a-z]+( [A-Za-z0-9._\/:@-]+)?\]$/ {
			section = substr($0, 2, length($0) - 2)
			if (seen[section]++) bad("[" section "] is there twice")
			next
		}
		match($0, /^[a-z][a-z0-9_]* = /) {
			key = substr($0, 1, RLENGTH - 3)
			if (section == "") bad("a value before any section")
			if (seen[section "\t" key]++) bad(key " is there twice")
			print section "\t" key "\t" substr($0, RLENGTH + 1)
			next
		}
		{ bad("neither [section] nor key = value") }' "$1"
}

# lock_get FILE SECTION KEY: the value; 3 if it is not there.
lock_get() {
	local lines
	lines=$(lock_lines "$1") || return 1
	awk -F '\t' -v s="$2" -v k="$3" '$1 == s && $2 == k { print $3; found = 1 } END { exit found ? 0 : 3 }' <<< "$lines"
}

# lock_images FILE: a line "NAME<tab>DIGEST" for each [image ...].
lock_images() {
	local lines
	lines=$(lock_lines "$1") || return 1
	awk -F '\t' '$1 ~ /^image / && $2 == "name" { name = $3 } $1 ~ /^image / && $2 == "digest" { print name "\t" $3 }' <<< "$lines"
}

# lock_cached HEX URL: the path of the file of that digest in the user's cache, fetched if it is not there.
lock_cached() {
	local dir=$KS_CACHE/downloads/sha256
	mkdir -p "$dir"
	"$BIN/fetch" --sha256 "$1" --output "$dir/$1" "$2" || return
	echo "$dir/$1"
}

# lock_names FILE KIND: the NAME of each section [KIND NAME], in the file's order.
lock_names() {
	local lines
	lines=$(lock_lines "$1") || return 1
	awk -F '\t' -v kind="$2" '{ n = index($1, " ") } substr($1, 1, n - 1) == kind && !seen[$1]++ { print substr($1, n + 1) }' <<< "$lines"
}
