/* Locks of flock(2). */
#ifndef KS_BASE_FLOCK_H
#define KS_BASE_FLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Locks FD; HOW is LOCK_SH or LOCK_EX. Returns 0, 1 if another process has it locked until DEADLINE (of now_ms), or -1.
 * Only -1 sets E.
 */
int flock_until(int fd, int how, int64_t deadline, struct err *e);

/*
 * Is PATH still the name of the file FD? Ask after FD was locked: the process that had it locked before may have
 * renamed or removed the file.
 */
bool flock_is_at(int fd, const char *path);

#endif
