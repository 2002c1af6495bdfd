# What the scripts that look up, list and bundle a provider's downloads share: sourced first. The provider's settings are then
# in the shell's variables, and $dir is a temporary directory.
# shellcheck shell=bash
set -eu -o pipefail
shopt -s inherit_errexit nullglob
. "$TOP/mk/sh/provider/render.sh"
. "$TOP/mk/sh/provider/addon.sh"
. "$TOP/mk/sh/provider/images.sh"
. "$TOP/mk/sh/provider/upstream.sh"
images_provider
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
