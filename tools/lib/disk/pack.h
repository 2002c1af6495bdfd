/* Packs a disk: cuts it into windows, in several threads, and stores those that are new in a layout. */
#ifndef KS_DISK_PACK_H
#define KS_DISK_PACK_H

#include "disk/artifact.h"
#include "oci/layout.h"

struct diskpack {
	const char *path, *format; /* the image file and its format */
	struct layout *to;
	const struct disk *old; /* an earlier disk: windows with the same guest bytes are reused */
	/* Results: */
	struct disk disk;
	size_t fresh; /* windows that OLD does not have */
};

/*
 * Packs the disk. Each allocated byte is read and hashed once. Each thread (disk/scan.h) needs 21 MiB, for a window and
 * the compressor. Returns 0 or -1. Call disk_free(&p->disk) in both cases.
 */
int diskpack(struct diskpack *p, struct err *e);

#endif
