# Ending a script with an error. Sourced.
# shellcheck shell=bash

# fail TEXT: print "error: TEXT" and exit 1.
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# refuse TEXT: the same for an invalid variable, argument or file of the user, but exit 2, as the tools do.
refuse() { printf 'error: %s\n' "$*" >&2; exit 2; }
