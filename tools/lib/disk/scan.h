/* Reads a disk window by window, in several threads (crew.h), and leaves out what is zeros. */
#ifndef KS_DISK_SCAN_H
#define KS_DISK_SCAN_H

#include "base/workers.h"
#include "disk/read.h"

/* A window that has something in it. */
struct diskscan_window {
	uint64_t offset;
	const unsigned char *data;
	size_t n;
};

struct diskscan {
	const char *path, *format;
	/* Called from any thread; *OWN is the thread's, NULL at first. Returns 0 or -1. */
	int (*found)(struct workers *w, void *arg, void **own, const struct diskscan_window *window, struct err *e);
	void (*end)(void *own); /* frees it; NULL: there is none */
	void *arg;
	uint64_t size; /* of the disk, bytes; a result */
	struct diskread disk_;
	uint64_t next_; /* under the crew's lock */
};

/* Reads all of it in two threads at most, each of which has a window in memory. Returns 0 or -1. */
int diskscan(struct diskscan *s, struct err *e);

#endif
