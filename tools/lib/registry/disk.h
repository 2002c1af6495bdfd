/* A disk artifact (disk/artifact.h) in a registry: it is looked up, usually by its image, and downloaded into a file.
 */
#ifndef KS_REGISTRY_DISK_H
#define KS_REGISTRY_DISK_H

#include "disk/artifact.h"
#include "disk/file.h"
#include "registry/queue.h"

/* Initialize to zero and set the first members. */
struct regdisk {
	struct regqueue *q;
	const char *repo;
	const char *path;   /* of the file to write */
	const char *format; /* of the file; NULL: the artifact's */
	struct words reuse; /* local disks to copy windows from, "FILE" or "FILE=FORMAT" */
	bool dry;           /* nothing is written; regdisk_pull must not follow */
	/* Results. */
	char hex[SHA256_HEX]; /* the digest of the artifact's manifest */
	size_t doc_size;      /* bytes of the manifest */
	json_t *notes;        /* the annotations of the manifest, or NULL */
	struct disk disk;
	const struct disk_window **missing; /* the windows that must be downloaded */
	size_t nmissing;
	uint64_t total; /* bytes of their blobs */
	struct disk_index index_;
	struct diskfile file_;
	bool *have_;
};

/*
 * Finds the disk: REFERENCE, a tag or a digest, is that of the artifact, or of an image to which exactly one disk
 * refers. NAME is for messages. Returns 0, -1 or REGQUEUE_LATE. regdisk_free may be called at any time.
 */
int regdisk_find(struct regdisk *d, const char *reference, const char *name, struct err *e);

/*
 * Opens the file, copies windows from local disks, and finds the missing ones. May be called once more after a dry run,
 * with DRY cleared. Returns 0 or -1.
 */
int regdisk_begin(struct regdisk *d, struct err *e);

/* Downloads the missing windows, converts the disk to its format and renames it to PATH. Returns 0, -1 or
 * REGQUEUE_LATE. */
int regdisk_pull(struct regdisk *d, struct err *e);

void regdisk_free(struct regdisk *d);

#endif
