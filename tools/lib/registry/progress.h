/* The progress bar: the last line of a terminal on standard error. */
#ifndef KS_REGISTRY_PROGRESS_H
#define KS_REGISTRY_PROGRESS_H

#include <stdint.h>

/* Initialize to zero, and set BEGUN. */
struct regprogress {
	int64_t begun; /* of now_ms: the start of the transfers */
	int64_t shown; /* of now_ms: the last update */
};

/* Shows "NAME: DONE of TOTAL MiB (N%), M MiB/s", at most five times a second. DONE and TOTAL are bytes. */
void regprogress_show(struct regprogress *b, const char *name, uint64_t done, uint64_t total);

/* Removes the bar from the terminal, if it is there. */
void regprogress_clear(struct regprogress *b);

#endif
