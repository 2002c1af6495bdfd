/* Finding processes by name. */
#ifndef KS_BASE_PROCS_H
#define KS_BASE_PROCS_H

#include <sys/types.h>

#include "base/words.h"

/*
 * Calls EACH for every process under PROC (the mount point of proc(5)) with one of NAMES. Only the first 15 bytes of a
 * name count, since the kernel keeps no more (proc(5): comm).
 */
void procs_each(const char *proc, const struct words *names, void (*each)(void *arg, pid_t pid), void *arg);

/* Reads the first N - 1 bytes of the file PROC/PID/FILE as a string; "" if it cannot be read. */
void procs_read(const char *proc, pid_t pid, const char *file, char *text, size_t n);

#endif
