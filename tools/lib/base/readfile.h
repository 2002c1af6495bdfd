/* Reading files into memory. */
#ifndef KS_BASE_READFILE_H
#define KS_BASE_READFILE_H

#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

#define READ_FILE_MAX ((size_t)16 << 20) /* bytes; no file written by hand is larger */

/*
 * Reads the file PATH, of at most MAX bytes, into DATA, which the caller frees. DATA ends with a NUL that N does not
 * count. Returns 0, or -1 if PATH cannot be read or is longer than MAX bytes, or when out of memory.
 */
int read_file(const char *path, size_t max, char **data, size_t *n, struct err *e);

/* Like read_file, from the current offset of FD to its end. NAME stands for it in errors. */
int read_fd(int fd, const char *name, size_t max, char **data, size_t *n, struct err *e);

/*
 * Reads FD up to its end and calls EACH with every line that is not empty, without its newline; EACH may change it. An error
 * of EACH is prefixed with NAME and the number of the line. Returns 0 or -1.
 */
int read_fd_lines(
    int fd, const char *name, int (*each)(char *line, void *arg, struct err *e), void *arg, struct err *e);

/* The same for the file PATH. */
int read_file_lines(const char *path, int (*each)(char *line, void *arg, struct err *e), void *arg, struct err *e);

/* Adds the lines of the file PATH that are not empty to LINES. Returns 0 or -1. */
int read_file_words(const char *path, struct words *lines, struct err *e);

/*
 * Reads at most N - 1 bytes from the beginning of PATH as a string; "" if it cannot be read. One read(2), which is
 * enough for small files of proc(5) and sysfs(5).
 */
void read_file_head(const char *path, char *text, size_t n);

#endif
