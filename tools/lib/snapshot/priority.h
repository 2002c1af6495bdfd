/* Giving some processes the CPU before all others for a while. */
#ifndef KS_SNAPSHOT_PRIORITY_H
#define KS_SNAPSHOT_PRIORITY_H

#include "base/words.h"

/* The mount points of proc(5) and of the control groups. */
struct priority_roots {
	const char *proc, *cgroup;
};

/*
 * Raises the CPU weight (cpu.weight in the kernel's admin-guide/cgroup-v2.rst) of the control groups of all processes
 * with one of NAMES (see procs_each), and of the groups above them, to nearly the maximum. After MS milliseconds, or on
 * SIGHUP, SIGINT or SIGTERM, the old weights are restored; the calling process waits until then. A group that already
 * has this weight was raised by another process and is left alone. If there are no such processes or groups it does
 * nothing.
 */
void priority_raise(const struct priority_roots *roots, const struct words *names, int ms);

#endif
