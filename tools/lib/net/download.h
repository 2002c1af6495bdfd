/* One attempt to download a URL, which continues where an earlier one ended. Call curl_global_init first. */
#ifndef KS_NET_DOWNLOAD_H
#define KS_NET_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct download {
	const char *url;
	int fd;           /* the part of the file that is there; the rest is appended */
	uint64_t max;     /* refuse a file of more than so many bytes */
	int64_t deadline; /* of now_ms */
	int stall;        /* give up after so many seconds without data */
	/* Called repeatedly unless NULL: HAVE of TOTAL bytes are there; TOTAL is 0 if unknown. */
	void (*progress)(void *arg, uint64_t have, uint64_t total);
	void *arg;
	/* Results. */
	bool continued;  /* the file has a part that was there before this attempt */
	int retry_after; /* seconds of the Retry-After header, or 0 */
};

enum {
	DOWNLOAD_GONE = -2,    /* permanent error: do not try this URL again */
	DOWNLOAD_AGAIN = -3,   /* temporary error: trying again may help */
	DOWNLOAD_RESTART = -4, /* it cannot be continued; the file is now empty */
	DOWNLOAD_LATE = -5,    /* the deadline has passed */
};

/* Returns 0 when the file is complete, -1 when it cannot be written, or one of the above. */
int download(struct download *d, struct err *e);

#endif
