/* A disk (disk.h) from a registry: found from the image whose disk it is, and put together. */
#ifndef KS_REGISTRY_DISK_H
#define KS_REGISTRY_DISK_H

#include "disk/artifact.h"
#include "disk/file.h"
#include "registry/disk_chunk.h"
#include "registry/pool.h"

/* Start with zeros and the first members set. */
struct regdisk {
	struct regpool *p;
	const char *repo;
	const char *path;   /* what the disk shall be called */
	const char *format; /* NULL: as the artifact says */
	struct words reuse; /* disks that are here, "FILE" or "FILE=FORMAT" */
	bool dry;           /* nothing is written: regdisk_pull may not follow */
	/* What has become of it */
	char hex[SHA256_HEX]; /* the artifact's digest */
	size_t doc_size;      /* of its manifest */
	struct disk disk;
	struct regchunk *chunks; /* those that have to come */
	size_t nchunks;
	uint64_t total; /* bytes of these */
	struct disk_index index_;
	struct diskfile file_;
	bool *have_;
};

/*
 * Finds the disk: REFERENCE, a tag or a digest, is its artifact's, or that of an image that one disk alone refers to.
 * NAME is for messages. Returns 0, -1 or REGPOOL_LATE. regdisk_free may be called at any time.
 */
int regdisk_find(struct regdisk *d, const char *reference, const char *name, struct err *e);

/* Opens the file, takes what is in local disks, and finds out what has to come. Returns 0 or -1. */
int regdisk_begin(struct regdisk *d, struct err *e);

/* Gets what has to come, and gives the disk its name. Returns 0, -1 or REGPOOL_LATE. */
int regdisk_pull(struct regdisk *d, struct err *e);

void regdisk_free(struct regdisk *d);

#endif
