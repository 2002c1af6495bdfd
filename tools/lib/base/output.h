/* Output files that are there whole or not at all: written beside their name, renamed when complete. */
#ifndef KS_BASE_OUTPUT_H
#define KS_BASE_OUTPUT_H

#include <stdio.h>

#include "base/err.h"

struct out {
	FILE *f;    /* write here */
	char *path; /* what it will be called */
	char *tmp;  /* what it is called until then; NULL: PATH is a device or a pipe, and written as it is */
};

/*
 * Starts writing PATH (mode as given, less the umask). Until out_commit or out_abort a signal that ends the
 * process (see out_catch_signals) removes the unfinished file. Returns 0 or -1.
 */
int out_open(struct out *o, const char *path, unsigned mode, struct err *e);

/* Flushes and renames; the file is then whole. On error it is removed. Returns 0 or -1. */
int out_commit(struct out *o, struct err *e);

/* As out_commit, but an existing file with the same contents is left as it is, time stamp too. Returns 0 or -1. */
int out_commit_if_changed(struct out *o, struct err *e);

/* Removes the unfinished file; does nothing after out_commit or for a struct of zeros. */
void out_abort(struct out *o);

/*
 * For what is unfinished and not of this file: NAME, a file or a directory of files, is removed by such a signal too,
 * until out_unguard. NAME is the caller's. Returns 0, or -1 with errno when there are too many.
 */
int out_guard(char *name);
void out_unguard(const char *name);

/* Lets SIGINT, SIGTERM and SIGHUP remove the unfinished files of this process, and then end it. */
void out_catch_signals(void);

#endif
