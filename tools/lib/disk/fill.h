/* Windows of a disk that is put together, taken from disks that are here. */
#ifndef KS_DISK_FILL_H
#define KS_DISK_FILL_H

#include "disk/artifact.h"
#include "disk/file.h"

struct diskfill {
	const struct disk *disk;
	const struct disk_index *index; /* of DISK */
	const struct diskfile *to;      /* NULL: only what is there is found out */
	bool *have;                     /* by the number of the chunk: it is there already */
};

/*
 * Reads the disk PATH of the format FORMAT, in several threads, and writes those of its windows that are wanted and not
 * there. SELF: it is the unfinished disk itself, whose windows are where they belong. Returns 0 or -1.
 */
int diskfill(struct diskfill *f, const char *path, const char *format, bool self, struct err *e);

/* Makes holes of all that is not there: of an unfinished disk nothing else may stay. Returns 0 or -1. */
int diskfill_clear(const struct diskfill *f, struct err *e);

#endif
