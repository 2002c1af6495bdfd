# The machine that live stages work in: cl_ssh and the rest of cluster.sh; sourced by the scripts of live stages, after
# lib.sh.
# shellcheck shell=bash
. "$TOP/mk/sh/cluster/cluster.sh"
cl_engine
# The machine's containers run the checkout's scripts, not those of an image; the stage boot adds the tools.
RUN_MOUNTS=(--volume "$TOP/mk/sh/cluster/run:/usr/lib/kubestamp/run:ro")
