/* Output directories that appear complete or not at all: filled under a temporary name, then renamed. */
#ifndef KS_BASE_OUTDIR_H
#define KS_BASE_OUTDIR_H

#include "base/err.h"

/* A directory of files only. */
struct outdir {
	char *path; /* its final name */
	char *tmp;  /* its name until then: PATH.tmp.PID */
};

/*
 * Creates the unfinished directory for PATH, which must not exist. The caller keeps it locked with flock(2) while
 * filling it: unfinished directories for PATH that are not locked belong to killed processes and are removed first. A
 * signal removes it too (base/unfinished.h). Returns 0 or -1.
 */
int outdir_open(struct outdir *o, const char *path, unsigned mode, struct err *e);

/* Renames it to its final name, or removes it if that fails. Returns 0 or -1. */
int outdir_commit(struct outdir *o, struct err *e);

/* Removes it and its files. */
void outdir_abort(struct outdir *o);

#endif
