# What all commands that work on the cluster $CLUSTER share: sourced first.
# shellcheck shell=bash
set -eu -o pipefail
shopt -s nullglob inherit_errexit
export D=$B/clusters/$CLUSTER
. "$TOP/mk/sh/cluster/cluster.sh"
