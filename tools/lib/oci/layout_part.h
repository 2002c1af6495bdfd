/* A blob of a layout that arrives in parts: what has come is kept, also for another process, until it is whole. */
#ifndef KS_OCI_LAYOUT_PART_H
#define KS_OCI_LAYOUT_PART_H

#include "oci/layout.h"

/* Start with zeros. */
struct layout_part {
	char *path;
	uint64_t have;      /* bytes that are there */
	struct sha256 *sum; /* of these */
	int fd_;
	bool shared_; /* another process is at the same blob: this one's part is not kept */
};

/* Opens the part of the blob HEX, of at most SIZE bytes; layout_hold_blobs keeps it from being pruned. Returns 0 or -1.
 */
int layout_part_open(struct layout *l, struct layout_part *p, const char *hex, uint64_t size, struct err *e);

/* Appends N bytes, or drops what there is. Return 0 or -1. */
int layout_part_add(struct layout_part *p, const void *data, size_t n, struct err *e);
int layout_part_empty(struct layout_part *p, struct err *e);

/*
 * All has come: gives the blob its name, if that is its digest. Returns 0; LAYOUT_PART_WRONG, with the digest that it
 * has in E, and it is empty again; or -1.
 */
#define LAYOUT_PART_WRONG (-3)
int layout_part_end(struct layout *l, struct layout_part *p, const char *hex, struct err *e);

/* Closes it; what has come stays. */
void layout_part_close(struct layout_part *p);

#endif
