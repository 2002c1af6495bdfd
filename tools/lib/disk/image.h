/* Disks as artifacts (disk/artifact.h) in a layout. */
#ifndef KS_DISK_IMAGE_H
#define KS_DISK_IMAGE_H

#include "disk/layer.h"
#include "oci/layout.h"

#define DISKIMAGE_NONE (-4) /* no image or disk of that name, or not a usable one */

/* A disk to be built. Initialize to zero and set the first members; those that name an image are "[LAYOUT:]TAG". */
struct diskimage {
	const char *path, *format; /* an image file, or */
	const char *image;         /* the image whose disk (disk/layer.h) it is, and which becomes its subject */
	const char *from;          /* an earlier disk whose windows are reused, or NULL */
	const char *subject;       /* with PATH: the tag of the image in the same layout that it belongs to, or NULL */
	json_t *notes;             /* with PATH: annotations, or NULL */
	/* Results. */
	char hex[SHA256_HEX];  /* the manifest's digest */
	uint64_t size;         /* virtual size, bytes */
	size_t windows, fresh; /* all, and those that FROM does not have */
};

/*
 * Packs the disk into L, whose blobs are held, and makes TAG name it. Returns 0, -1, LAYOUT_LATE or DISKIMAGE_NONE.
 */
int diskimage_build(struct diskimage *d, struct layout *l, const char *tag, struct err *e);

/*
 * Finds the disk of the image IMAGE, "[LAYOUT:]TAG": in L, or in LAYOUT, which is opened as FROM. SUBJECT, unless it is
 * NULL, receives the image's descriptor, a new reference or NULL. Returns 1, 0 if the image has no disk, -1,
 * LAYOUT_LATE or DISKIMAGE_NONE. Call disklayer_free and layout_close in every case.
 */
int diskimage_find(struct disklayer *d, const struct layout *l, struct layout *from, const char *image,
    json_t **subject, struct err *e);

#endif
