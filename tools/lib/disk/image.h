/* Disks as artifacts (disk/artifact.h) in a layout. */
#ifndef KS_DISK_IMAGE_H
#define KS_DISK_IMAGE_H

#include "disk/artifact.h"
#include "oci/layout.h"

#define DISKIMAGE_NONE (-4) /* no disk of that name, or not a usable one */

/*
 * Reads the disk TAG of FROM and imports into TO those of its windows that FROM has; the others may be in a registry.
 * Returns 0, -1 or DISKIMAGE_NONE. Call disk_free in every case.
 */
int diskimage_read(struct disk *d, struct layout *to, const struct layout *from, const char *tag, struct err *e);

/*
 * Stores the documents of D and makes TAG name them. SUBJECT is an image of L, or NULL; NOTES are annotations, or NULL.
 * HEX receives the manifest's digest. Returns 0, -1, LAYOUT_LATE, or DISKIMAGE_NONE: no such subject.
 */
int diskimage_store(const struct disk *d, struct layout *l, const char *tag, const char *subject, json_t *notes,
    char hex[SHA256_HEX], struct err *e);

#endif
