/* Disks as artifacts (disk.h) in a layout. */
#ifndef KS_DISK_IMAGE_H
#define KS_DISK_IMAGE_H

#include "disk/artifact.h"
#include "oci/layout.h"

#define DISKIMAGE_NONE (-4) /* there is no disk of that name, or none that can be used */

/*
 * Reads the disk TAG of FROM; to be freed whatever it returned. Its chunks are brought into TO as far as FROM has them:
 * the others are in a registry. Returns 0, -1 or DISKIMAGE_NONE.
 */
int diskimage_read(struct disk *d, struct layout *to, const struct layout *from, const char *tag, struct err *e);

/*
 * Stores the documents of D and makes TAG name them. SUBJECT is another image of L, or NULL; NOTES are annotations, or
 * NULL. HEX gets the manifest's digest. Returns 0, -1, LAYOUT_LATE or DISKIMAGE_NONE: there is no such subject.
 */
int diskimage_store(const struct disk *d, struct layout *l, const char *tag, const char *subject, json_t *notes,
    char hex[SHA256_HEX], struct err *e);

#endif
