/* Making directories. */
#ifndef KS_BASE_MKDIRS_H
#define KS_BASE_MKDIRS_H

#include <sys/types.h>

#include "base/err.h"

/* Makes the missing directories above PATH, with MODE. Returns 0 or -1. */
int mkdirs_above(const char *path, mode_t mode, struct err *e);

/* The same, and PATH itself. */
int mkdirs(const char *path, mode_t mode, struct err *e);

#endif
