/* The identification string that an SSH server sends first (RFC 4253, section 4.2). */
#ifndef KS_NET_SSHBANNER_H
#define KS_NET_SSHBANNER_H

#include <stddef.h>

#include "base/err.h"

#define SSHBANNER_LINE 255 /* bytes of the longest identification string, including CR and LF */

/* Initialize to zero. */
struct sshbanner {
	char line[SSHBANNER_LINE + 1]; /* once found: "SSH-2.0-...", printable characters only */
	size_t n, lines;               /* private */
};

enum sshbanner_is {
	SSHBANNER_MORE,  /* not complete yet */
	SSHBANNER_FOUND, /* b->line is the identification string */
	SSHBANNER_BAD,   /* not an SSH server; E says why */
};

/*
 * Parses the next N bytes from a server. Lines before the identification string are skipped. A NUL, a line of more than
 * 255 bytes, or more than 1024 lines (the limit of OpenSSH's client) give SSHBANNER_BAD. Do not call it again after it
 * has returned anything but SSHBANNER_MORE.
 */
enum sshbanner_is sshbanner_feed(struct sshbanner *b, const void *data, size_t n, struct err *e);

#endif
