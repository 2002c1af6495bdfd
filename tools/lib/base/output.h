/* Output files that appear complete or not at all: written under a temporary name, then renamed. */
#ifndef KS_BASE_OUTPUT_H
#define KS_BASE_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

struct out {
	FILE *f;    /* write here */
	char *path; /* its final name */
	char *tmp;  /* its name until then, PATH.tmp.PID; NULL: PATH is a device or a pipe and is written directly */
};

/*
 * Starts writing PATH with the permissions MODE less the umask. Until out_commit or out_abort, a signal that ends the
 * process removes the unfinished file (unfinished_catch_signals). Returns 0 or -1.
 */
int out_open(struct out *o, const char *path, unsigned mode, struct err *e);

/* Flushes the file and renames it to its final name; on error it is removed. Returns 0 or -1. */
int out_commit(struct out *o, struct err *e);

/* Like out_commit, but keeps an existing file, and its time stamp, if the contents are the same. Returns 0 or -1. */
int out_commit_if_changed(struct out *o, struct err *e);

/* Removes the unfinished file. Does nothing after out_commit, or if O is all zeros. */
void out_abort(struct out *o);

/* Writes all N bytes of DATA to FD. Returns 0, or -1 with errno. */
int out_write(int fd, const void *data, size_t n);

#endif
