# The format of every file of settings that our scripts leave for each other: a cluster's conf and ports, the engine's
# options, an image's provider.conf, conf.sh of the machine that is being provisioned. Sourced.
#
# A file is lines of this form, besides empty lines and comments:
#
#     NAME=VALUE                  # WHERE IT COMES FROM
#     NAME=(VALUE VALUE ...)
#
# A VALUE is either a word of letters, digits and ./:@%+,=_- or a string in single quotes, in which a single quote is
# written '\''. It has no newline. The comment is optional. bash sources such a file; other programs read it line by line
# (tools/lib/base/conf.h).
# Files of earlier versions were written by printf %q: a backslash before each special character. conf_read takes them too.
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/fail.sh"

# conf_quote VALUE: set REPLY to VALUE as a file has it.
conf_quote() {
	case $1 in
	*$'\n'*) echo "error: a setting cannot have more than one line: ${1%%$'\n'*}" >&2; return 1 ;;
	'' | *[!A-Za-z0-9./:@%+,=_-]*) REPLY="'${1//\'/\'\\\'\'}'" ;;
	*) REPLY=$1 ;;
	esac
}

# conf_lines NAME...: print the lines for these variables of the shell; one that is not set is written as empty.
conf_lines() {
	local conf_name conf_text conf_word
	for conf_name; do
		if [[ $(declare -p "$conf_name" 2> /dev/null) == 'declare -a'* ]]; then
			local -n conf_array=$conf_name
			conf_text=
			for conf_word in "${conf_array[@]}"; do
				conf_quote "$conf_word" || return
				conf_text+=" $REPLY"
			done
			REPLY="(${conf_text# })"
			unset -n conf_array
		else
			conf_quote "${!conf_name:-}" || return
		fi
		printf '%s\n' "$conf_name=$REPLY"
	done
}

# conf_write FILE NAME...: write these variables to FILE. A reader sees the old file or the new one, whole.
conf_write() {
	local conf_new=$1.new.$$
	{ conf_lines "${@:2}" > "$conf_new" && mv "$conf_new" "$1"; } || { rm -f "$conf_new"; return 1; }
}

# conf_check FILE: fail unless every line of FILE has the form above, so that sourcing it runs no command.
conf_check() {
	local value="([^[:space:]'\"\\\\\$\`;&|<>()]|\\\\.|'[^']*')*" bad
	bad=$(LC_ALL=C grep -anvE "^[[:space:]]*(#.*)?\$|^[A-Za-z_][A-Za-z0-9_]*=($value|\\(($value( $value)*)?\\))([[:space:]]+(#.*)?)?\$" "$1" |
		head -n 1) || true
	[ -z "$bad" ] || fail "$1:${bad%%:*}: not a setting: ${bad#*:}"
}

# conf_read FILE: set the variables that FILE names.
conf_read() {
	[ -r "$1" ] || fail "$1: cannot be read"
	conf_check "$1"
	# Without a slash bash would look for it in PATH.
	case $1 in
	*/*) . "$1" ;;
	*) . "./$1" ;;
	esac
}

# conf_get FILE NAME: print the value that FILE has for NAME; nothing if it has none.
conf_get() { (unset -v "$2"; conf_read "$1"; printf '%s\n' "${!2-}"); }

# conf_defines PREFIX...: set the array defines to options of our tools, -D NAME=VALUE, for the variables with these prefixes.
conf_defines() {
	local conf_prefix conf_name
	defines=()
	for conf_prefix; do
		for conf_name in $(compgen -v "$conf_prefix"); do defines+=(-D "$conf_name=${!conf_name-}"); done
	done
}

# settings_keep NAME...: of the settings that make put into the environment (mk/settings.mk) keep only these, so that a
# program which happens to read a variable of the same name (TAG, VERSION, V ...) is not affected.
settings_keep() {
	local conf_name
	for conf_name in ${SETTINGS:-}; do [[ " $* " == *" $conf_name "* ]] || unset -v "$conf_name"; done
}
