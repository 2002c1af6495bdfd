# What all commands that work on the cluster $CLUSTER share: sourced first.
# shellcheck shell=bash
set -eu -o pipefail
shopt -s nullglob inherit_errexit
. "$TOP/mk/sh/common/fail.sh"
# The name becomes part of paths and of the engine's filters, in which an empty one would stand for every cluster. clusterconf(1)
# has the same rule; this one also holds for goals that need no compiled program.
[[ $CLUSTER =~ ^[a-z0-9][a-z0-9.-]*$ ]] || refuse "CLUSTER=$CLUSTER: must be lower-case letters, digits, '.' and '-' only"
export D=$B/clusters/$CLUSTER
. "$TOP/mk/sh/cluster/cluster.sh"
