/*
 * A client of the Network Block Device protocol (NBD project, doc/proto.md): fixed newstyle negotiation, structured
 * replies, and the metadata context base:allocation, so that only the allocated parts of a disk are read.
 */
#ifndef KS_DISK_NBD_H
#define KS_DISK_NBD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct nbd {
	uint64_t size; /* of the export, bytes */
	int fd_;
	int64_t stall_;
	uint64_t cookie_;
	uint32_t context_;      /* the server's ID of base:allocation */
	unsigned char *buffer_; /* for replies other than data */
};

/*
 * Negotiates with the server at the other end of the connected socket FD, which N then owns. A transfer fails after
 * STALL milliseconds without a byte. Returns 0 or -1. Call nbd_close in both cases.
 */
int nbd_start(struct nbd *n, int fd, int64_t stall, struct err *e);

/*
 * Reads the LEN bytes at FROM into DATA. If none of them is allocated, sets *ZERO and leaves DATA as it is. Returns 0
 * or -1.
 */
int nbd_read(struct nbd *n, uint64_t from, void *data, size_t len, bool *zero, struct err *e);

void nbd_close(struct nbd *n);

#endif
