/*
 * A client of the Network Block Device protocol (NBD project, doc/proto.md): fixed newstyle negotiation, structured
 * replies, and the metadata context base:allocation, so that only what a disk has is read.
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
	int64_t stall_; /* milliseconds without a byte after which a request has failed */
	uint64_t cookie_;
	uint32_t context_; /* the server's number of base:allocation */
	unsigned char *extents_;
};

/*
 * Negotiates with the server at the other end of the connected socket FD, which becomes N's. STALL is in milliseconds.
 * Returns 0 or -1; nbd_close may be called whatever it returned.
 */
int nbd_start(struct nbd *n, int fd, int64_t stall, struct err *e);

/* Reads the N bytes at FROM into DATA; *ZERO is set, and DATA is not, when none of them is allocated. Returns 0 or -1.
 */
int nbd_read(struct nbd *n, uint64_t from, void *data, size_t len, bool *zero, struct err *e);

void nbd_close(struct nbd *n);

/* For the parts of this library: all N bytes, within the stall; numbers as the protocol has them (big-endian). */
int nbd_send(struct nbd *n, const void *data, size_t len, struct err *e);
int nbd_recv(struct nbd *n, void *data, size_t len, struct err *e);
void nbd_put(unsigned char *to, uint64_t value, size_t bytes);
uint64_t nbd_get(const unsigned char *from, size_t bytes);

/* Most bytes of a reply that is not data: an error's text, or the extents of a status. */
#define NBD_MAX_REPLY ((size_t)1 << 20)

#endif
