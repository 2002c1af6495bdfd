/* Whole files, and the beginnings of small ones. */
#ifndef KS_BASE_READFILE_H
#define KS_BASE_READFILE_H

#include <stddef.h>

#include "base/err.h"

#define READ_FILE_MAX ((size_t)16 << 20) /* bytes: enough for every file that a user writes */

/*
 * Reads the file PATH, of at most MAX bytes. DATA (to be freed) ends with a NUL that N does not count. Returns 0, or -1:
 * it cannot be read, is longer than MAX, or memory is out.
 */
int read_file(const char *path, size_t max, char **data, size_t *n, struct err *e);

/* As read_file, from FD up to its end. NAME is what errors call it. */
int read_fd(int fd, const char *name, size_t max, char **data, size_t *n, struct err *e);

/* Reads the beginning of PATH as a string of at most N - 1 bytes; "" if it cannot be read. For files of proc(5). */
void read_file_head(const char *path, char *text, size_t n);

#endif
