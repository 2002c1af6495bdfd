/* The first bytes that an SSH server sends: RFC 4253, section 4.2. */
#ifndef KS_NET_SSHBANNER_H
#define KS_NET_SSHBANNER_H

#include <stddef.h>

#include "base/err.h"

#define SSHBANNER_LINE 255 /* the longest identification string, CR and LF included */

/* Start with zeros. */
struct sshbanner {
	char line[SSHBANNER_LINE + 1]; /* when found: "SSH-2.0-..." in printable characters */
	size_t n, lines;               /* private */
};

enum sshbanner_is {
	SSHBANNER_MORE,  /* not complete yet */
	SSHBANNER_FOUND, /* b->line is the identification string */
	SSHBANNER_BAD,   /* what sends this is no SSH server; see E */
};

/*
 * Takes the next N bytes from a server. Lines before the identification string are skipped; a NUL, a line of more
 * than 255 bytes, or more than 1024 lines (OpenSSH's limit) are none of SSH. Call it no more once it has not
 * returned SSHBANNER_MORE.
 */
enum sshbanner_is sshbanner_feed(struct sshbanner *b, const void *data, size_t n, struct err *e);

#endif
