/* A tar in memory, of files and directories: POSIX.1-1990's ustar (pax(1), "ustar Interchange Format"), and GNU's like it. */
#ifndef KS_OCI_USTAR_H
#define KS_OCI_USTAR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct ustar {
	const unsigned char *at; /* the next header */
	size_t left;             /* bytes from there */
};

struct ustar_entry {
	char name[257]; /* relative, without "." and ".." */
	mode_t mode;    /* permissions alone */
	bool dir;
	const unsigned char *data; /* in the tar's memory */
	size_t n;
};

/*
 * The next file or directory of T. Returns 1; 0 at the tar's end; -1 for what is cut off, has a wrong checksum, is neither
 * file nor directory, or has a name that leads elsewhere (an absolute one is taken as relative, as tar does).
 */
int ustar_next(struct ustar *t, struct ustar_entry *entry, struct err *e);

#endif
