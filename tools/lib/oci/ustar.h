/*
 * Reads a tar archive in memory that contains regular files and directories only: ustar (POSIX.1, pax, "ustar
 * Interchange Format") and the old GNU format.
 */
#ifndef KS_OCI_USTAR_H
#define KS_OCI_USTAR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct ustar {
	const unsigned char *at; /* the next header */
	size_t left;             /* bytes from AT on */
};

struct ustar_entry {
	char name[257]; /* relative, without "." and ".." */
	mode_t mode;    /* permission bits only */
	bool dir;
	const unsigned char *data; /* in the archive's memory */
	size_t n;
};

/*
 * Reads the next entry of T. An absolute name is taken as relative, as tar does. Returns 1; 0 at the end of the
 * archive; or -1 if the archive is truncated or has a wrong checksum, or the entry is neither a regular file nor a
 * directory, or has ".." in its name.
 */
int ustar_next(struct ustar *t, struct ustar_entry *entry, struct err *e);

#endif
