# Versions, in the order of sort -V. Sourced.
# shellcheck shell=bash

# version_newest: print the newest of the versions on standard input, a line each.
version_newest() { sort -V | tail -n 1; }

# version_newer A B: is the version A newer than B?
version_newer() { [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | version_newest)" = "$1" ]; }
