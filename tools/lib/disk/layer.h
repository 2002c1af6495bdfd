/*
 * The disk in a layer of an image, and how the layer is made again from the disk's windows, byte for byte.
 *
 * The layer is an uncompressed tar that contains the disk, a compressed qcow2. A small change in the disk changes
 * nearly every byte of that file, so the windows (disk/artifact.h) hold what a guest sees. Annotations of the artifact
 * hold the rest:
 *
 *   org.kubestamp.layer.digest    the layer's digest
 *   org.kubestamp.layer.path      the disk's path in it
 *   org.kubestamp.layer.head      the bytes before the disk, in base64
 *   org.kubestamp.layer.tail      the digest of the bytes after it
 *   org.kubestamp.disk.options    options of qemu-img for the disk
 *   org.kubestamp.disk.probe      the digest of a sample made by qemu-img with them: other versions may write other
 *                                 bytes
 */
#ifndef KS_DISK_LAYER_H
#define KS_DISK_LAYER_H

#include "oci/layout.h"

#define DISKLAYER_PATH "usr/share/kubestamp/disk/base.qcow2"

/* Initialize to zero. */
struct disklayer {
	char hex[SHA256_HEX];  /* the layer's digest */
	uint64_t offset, size; /* of the disk in the layer, bytes */
	char *dir;             /* for temporary files, removed by disklayer_free; NULL before disklayer_view */
	char *view;            /* a qcow2 file there that a reader of disks can open */
	char *blob_;
	unsigned char *data_; /* the layer's NDATA_ bytes, mapped */
	size_t ndata_;
};

/* Finds the disk in the layers of the image MANIFEST in L. Returns 1, 0 if no layer has one, or -1. */
int disklayer_find(struct disklayer *d, const struct layout *l, const json_t *manifest, struct err *e);

/* Like disklayer_find for the newest image in L that has a disk; images whose names begin with REPO come first. */
int disklayer_find_earlier(struct disklayer *d, const struct layout *l, const char *repo, struct err *e);

/*
 * Creates DIR beside L, and VIEW: an overlay of the disk. A backing file that the disk itself names is ignored.
 * Returns 0 or -1.
 */
int disklayer_view(struct disklayer *d, const struct layout *l, int64_t deadline, struct err *e);

/* The annotations of the disk's artifact, once there is a view. Returns a new reference or NULL. */
json_t *disklayer_notes(const struct disklayer *d, int64_t deadline, struct err *e);

void disklayer_free(struct disklayer *d);

/* Those annotations, parsed. */
struct disklayer_recipe {
	char hex[SHA256_HEX]; /* of the layer */
	const char *head, *tail, *options, *probe;
};

/*
 * Parses NOTES, which must live as long as R. Anyone with write access to the registry may have made them: nothing that
 * could name a file is accepted, since qemu-img gets the options. Returns 0 or -1.
 */
int disklayer_parse(struct disklayer_recipe *r, const json_t *notes, struct err *e);

/* Fails if qemu-img writes other bytes here than where R was made; DIR is for temporary files. Returns 0 or -1. */
int disklayer_probe(const struct disklayer_recipe *r, const char *dir, int64_t deadline, struct err *e);

/*
 * Makes the file PATH the layer of R with the raw disk RAW, which is removed, and the bytes after the disk from the
 * earlier layer OLD. If those have changed they are left out. Returns 0 or -1.
 */
int disklayer_make(const struct disklayer_recipe *r, const struct disklayer *old, const char *raw, const char *path,
    int64_t deadline, struct err *e);

#endif
