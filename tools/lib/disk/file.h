/*
 * A disk that is put together from windows, in any order: PATH.part, sparse, until it is whole. It stays when the work
 * ends early: what is in it can be used by the next attempt, which has to check it.
 */
#ifndef KS_DISK_FILE_H
#define KS_DISK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct diskfile {
	const char *path; /* what it will be called; the caller's */
	char *part;       /* what it is called until then */
	bool old;         /* it was there before, and may have something in it */
	int fd_;
};

/* Opens the unfinished disk of SIZE bytes. Another process at it is an error. Returns 0 or -1. */
int diskfile_open(struct diskfile *f, const char *path, uint64_t size, struct err *e);

/* Writes N bytes at OFFSET, where there is a hole; runs of zeros stay one. From any thread. Returns 0 or -1. */
int diskfile_put(const struct diskfile *f, uint64_t offset, const void *data, size_t n, struct err *e);

/* Makes a hole. Returns 0 or -1. */
int diskfile_clear(const struct diskfile *f, uint64_t offset, uint64_t n, struct err *e);

/*
 * It is whole: gives it its name, if FORMAT is not raw after qemu-img has converted it, within DEADLINE (of now_ms).
 * Returns 0 or -1.
 */
int diskfile_end(struct diskfile *f, const char *format, int64_t deadline, struct err *e);

/* Closes it. What has been written stays. */
void diskfile_close(struct diskfile *f);

#endif
