# The machine that live stages work in: cl_ssh and the rest of cluster.sh; sourced by the scripts of live stages, after
# lib.sh.
# shellcheck shell=bash
. "$TOP/mk/sh/cluster/cluster.sh"
cl_engine
# The machine's containers run the checkout's scripts and tools, not those of an image.
RUN_MOUNTS=(--volume "$TOP/mk/sh/cluster/run:/usr/lib/kubestamp/run:ro" --volume "$BIN:/usr/lib/kubestamp/bin:ro")
