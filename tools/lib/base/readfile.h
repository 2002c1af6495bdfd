/* A small file as a whole. */
#ifndef KS_BASE_READFILE_H
#define KS_BASE_READFILE_H

#include <stddef.h>

#include "base/err.h"

#define SLURP_MAX (16U << 20) /* bytes; a larger file is refused */

/* Reads PATH. DATA (to be freed) ends with a NUL that N does not count. Returns 0 or -1. */
int slurp(const char *path, char **data, size_t *n, struct err *e);

/* Reads what PATH begins with, as a string of N - 1 bytes at most; "" where it cannot be read. For files of proc(5). */
void slurp_head(const char *path, char *text, size_t n);

#endif
