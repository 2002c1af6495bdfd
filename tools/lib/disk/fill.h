/* Fills a disk that is being assembled with windows of local disks. */
#ifndef KS_DISK_FILL_H
#define KS_DISK_FILL_H

#include "disk/artifact.h"
#include "disk/file.h"

struct diskfill {
	const struct disk *disk;
	const struct disk_index *index; /* of DISK */
	const struct diskfile *to;      /* NULL: only set HAVE, write nothing */
	bool *have;                     /* for each window of DISK: it is present */
};

/*
 * Reads the disk PATH of the format FORMAT in several threads, and writes its windows to wherever DISK has them and
 * they are not present. SELF: PATH is the unfinished disk itself; windows in their place become present. Returns 0 or
 * -1.
 */
int diskfill(struct diskfill *f, const char *path, const char *format, bool self, struct err *e);

/* Makes holes of everything that is not present, such as old contents of an unfinished disk. Returns 0 or -1. */
int diskfill_clear(const struct diskfill *f, struct err *e);

#endif
