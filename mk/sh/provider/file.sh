# Files of the provider. Sourced; needs TOP and PROVIDER_DIRS, the provider's own directory, then those that it inherits.
# shellcheck shell=bash
. "$TOP/mk/sh/common/fail.sh"

# provider_file NAME: the path, relative to TOP, of a file of the provider, its own before an inherited one.
provider_file() {
	local dir
	for dir in $PROVIDER_DIRS; do
		[ ! -e "$TOP/$dir/$1" ] || { echo "$dir/$1"; return; }
	done
	fail "$1 not found in any of: $PROVIDER_DIRS"
}

# checkout_tar DIR: print a tar of a directory of the checkout. Of modes it has only what git knows, executable or not: the umask
# with which the checkout was made has no effect.
checkout_tar() { tar -C "$1" --mode=u=rwX,go=rX --owner=0 --group=0 -cf - .; }
