/* Output directories, of files only, that are there whole or not at all: filled beside their name, then renamed. */
#ifndef KS_BASE_OUTDIR_H
#define KS_BASE_OUTDIR_H

#include "base/err.h"

struct outdir {
	char *path; /* what it will be called */
	char *tmp;  /* what it is called until then: PATH.tmp.PID */
};

/*
 * Makes the unfinished directory for PATH, which must not exist. Whoever fills one keeps it locked by flock(2):
 * those that nobody has locked (their process was killed) are removed first. A signal removes it as it does an
 * unfinished file (out.h). Returns 0 or -1.
 */
int outdir_open(struct outdir *o, const char *path, unsigned mode, struct err *e);

/* Renames it; when that fails it is removed. Returns 0 or -1. */
int outdir_commit(struct outdir *o, struct err *e);

/* Removes it with what is in it. */
void outdir_abort(struct outdir *o);

/* Removes the directory PATH and its files. May be called in a signal handler. Returns 0, or -1 with errno. */
int outdir_remove(const char *path);

#endif
