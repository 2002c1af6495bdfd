/* Reads a disk window by window, in several threads, and skips windows of zeros. */
#ifndef KS_DISK_SCAN_H
#define KS_DISK_SCAN_H

#include "base/workers.h"
#include "disk/read.h"

/* The contents of a window that is not all zeros. */
struct diskscan_window {
	uint64_t offset;
	const unsigned char *data;
	size_t n;
};

struct diskscan {
	const char *path, *format;
	/* Called in any thread, for each window; *OWN is the thread's own data, at first NULL. Returns 0 or -1. */
	int (*found)(struct workers *w, void *arg, void **own, const struct diskscan_window *window, struct err *e);
	void (*end)(void *own); /* frees a thread's data; NULL if there is none */
	void *arg;
	uint64_t size; /* result: of the disk, bytes */
	struct diskread disk_;
	uint64_t next_; /* protected by the workers' lock */
};

/* Reads the whole disk in at most two threads, each with one window in memory. Returns 0 or -1. */
int diskscan(struct diskscan *s, struct err *e);

#endif
