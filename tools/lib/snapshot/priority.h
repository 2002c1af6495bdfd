/* Processes that come before all others for a while. */
#ifndef KS_SNAPSHOT_PRIORITY_H
#define KS_SNAPSHOT_PRIORITY_H

#include "base/words.h"

/* Where favour looks: what is mounted at /proc and at /sys/fs/cgroup. */
struct favour_roots {
	const char *proc, *cgroup;
};

/*
 * Gives the control groups of all processes called one of NAMES (as procs_each knows them), and those above them, nearly the
 * highest weight that a share of the CPU can have (the kernel's admin-guide/cgroup-v2.rst: cpu.weight); after MS
 * milliseconds, or at SIGHUP, SIGINT or SIGTERM, they have again what they had. A group that has this weight already is
 * favoured by somebody else, and left to them. Where there are no such processes or no such groups nothing is done. The
 * calling process waits for as long.
 */
void favour(const struct favour_roots *roots, const struct words *names, int ms);

#endif
