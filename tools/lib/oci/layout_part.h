/* A blob of a layout that arrives in parts: received data is kept, for other processes too, until the blob is complete.
 */
#ifndef KS_OCI_LAYOUT_PART_H
#define KS_OCI_LAYOUT_PART_H

#include "oci/layout.h"

/* Initialize to zero. */
struct layout_part {
	char *path;
	uint64_t have;      /* bytes received */
	struct sha256 *sum; /* of these */
	int fd_;
	bool shared_; /* another process receives the same blob: this part is not kept */
};

/*
 * Opens the part of the blob HEX, of at most SIZE bytes; hold it with layout_hold_blobs, or it may be pruned. Returns 0
 * or -1.
 */
int layout_part_open(struct layout *l, struct layout_part *p, const char *hex, uint64_t size, struct err *e);

/* Appends N bytes, or drops everything received. Return 0 or -1. */
int layout_part_add(struct layout_part *p, const void *data, size_t n, struct err *e);
int layout_part_empty(struct layout_part *p, struct err *e);

/*
 * All has been received: gives the blob its name if its digest is HEX. Otherwise the part is emptied and
 * LAYOUT_PART_WRONG returned, with the actual digest in E. Returns 0, LAYOUT_PART_WRONG or -1.
 */
#define LAYOUT_PART_WRONG (-3)
int layout_part_end(struct layout *l, struct layout_part *p, const char *hex, struct err *e);

/* Closes it; received data is kept. */
void layout_part_close(struct layout_part *p);

#endif
