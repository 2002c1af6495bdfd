/* Cuts a disk into the chunks of disk.h, in several threads, and stores those of a layout that are new. */
#ifndef KS_DISK_PACK_H
#define KS_DISK_PACK_H

#include "disk/artifact.h"
#include "oci/layout.h"

struct diskpack {
	const char *path, *format; /* the image, and its format */
	struct layout *to;
	const struct disk *old; /* its chunks are taken over as they are where the guest's bytes are the same */
	/* What has become of it */
	struct disk disk;
	size_t fresh; /* chunks that OLD does not have */
};

/*
 * Packs the disk. Each allocated byte is read once, and hashed once; each thread (diskscan.h) has a window and what the
 * compressor takes, 21 MiB in all. Returns 0 or -1; disk_free(&p->disk) may be called whatever it returned.
 */
int diskpack(struct diskpack *p, struct err *e);

#endif
