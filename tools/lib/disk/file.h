/*
 * A disk that is assembled from windows, in any order, in the sparse file PATH.part. If the work ends early the file
 * stays: the next attempt can use its contents, which it has to check.
 */
#ifndef KS_DISK_FILE_H
#define KS_DISK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct diskfile {
	const char *path; /* name of the finished disk; owned by the caller */
	char *part;       /* name until then */
	bool old;         /* the file existed before and may have contents */
	int fd_;
};

/* Opens the unfinished disk of SIZE bytes. Fails if another process is using it. Returns 0 or -1. */
int diskfile_open(struct diskfile *f, const char *path, uint64_t size, struct err *e);

/* Writes N bytes at OFFSET, where there is a hole; long runs of zeros stay holes. For any thread. Returns 0 or -1. */
int diskfile_put(const struct diskfile *f, uint64_t offset, const void *data, size_t n, struct err *e);

/* Makes a hole. Returns 0 or -1. */
int diskfile_clear(const struct diskfile *f, uint64_t offset, uint64_t n, struct err *e);

/*
 * The disk is complete: converts it with qemu-img unless FORMAT is raw, within DEADLINE (now_ms), and gives it its
 * name. Returns 0 or -1.
 */
int diskfile_end(struct diskfile *f, const char *format, int64_t deadline, struct err *e);

/* Closes it. Written data stays. */
void diskfile_close(struct diskfile *f);

#endif
