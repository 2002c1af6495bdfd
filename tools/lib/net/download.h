/* One attempt at one URL, continued where an earlier one ended. libcurl's global state must be set up. */
#ifndef KS_NET_DOWNLOAD_H
#define KS_NET_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct download {
	const char *url;
	int fd;           /* what is there of the file; the rest is appended */
	uint64_t max;     /* a larger file is refused; bytes */
	int64_t deadline; /* of now_ms */
	int stall;        /* give up when nothing has come for so many seconds */
	/* Called now and then, unless NULL: what is there of how much, in bytes; TOTAL is 0 when not known. */
	void (*progress)(void *arg, uint64_t have, uint64_t total);
	void *arg;
	/* Results */
	bool resumed;    /* part of the file is from before this attempt */
	int retry_after; /* seconds that the server asks for, or 0 */
};

enum {
	DOWNLOAD_GONE = -2,    /* trying this URL again is no use */
	DOWNLOAD_AGAIN = -3,   /* trying again may help */
	DOWNLOAD_RESTART = -4, /* it cannot be continued from here; the file is empty now */
	DOWNLOAD_LATE = -5,    /* the deadline passed */
};

/* Returns 0 when all that the server has is in the file, -1 when the file cannot be written, or one of the above. */
int download(struct download *d, struct err *e);

#endif
