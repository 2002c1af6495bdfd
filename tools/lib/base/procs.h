/* Processes by their names. */
#ifndef KS_BASE_PROCS_H
#define KS_BASE_PROCS_H

#include <sys/types.h>

#include "base/words.h"

/*
 * Calls EACH for every process below PROC (what is mounted at /proc) that is called one of NAMES, of which the first
 * 15 bytes count (proc(5): comm).
 */
void procs_each(const char *proc, const struct words *names, void (*each)(void *arg, pid_t pid), void *arg);

/* The first N - 1 bytes of the file PROC/PID/FILE, as a string; "" if they cannot be read. */
void procs_read(const char *proc, pid_t pid, const char *file, char *text, size_t n);

#endif
