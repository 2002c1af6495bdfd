# How a script ends with an error; sourced.
# shellcheck shell=bash

# fail TEXT: print "error: TEXT" and exit 1.
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# refuse TEXT: the same for a wrong variable, argument or file of the user's; exit 2, as the tools do.
refuse() { printf 'error: %s\n' "$*" >&2; exit 2; }
