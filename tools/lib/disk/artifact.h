/*
 * A disk as an artifact of a registry: its raw view in windows of 16 MiB of guest bytes, those of zeros left out, each
 * a blob of one zstd frame. The manifest (image-spec 1.1) has a layer a window:
 *   artifactType  application/vnd.kubestamp.disk.v1
 *   config        {"chunkSize": 16777216, "format": "qcow2", "virtualSize": BYTES}
 *   layers        annotations org.kubestamp.disk.offset and .size, decimal bytes, and .digest, "sha256:..." of the raw
 *   subject       the image whose disk it is
 */
#ifndef KS_DISK_ARTIFACT_H
#define KS_DISK_ARTIFACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/document.h"
#include "base/sha256.h"

#define DISK_WINDOW ((uint64_t)16 << 20)
#define DISK_ARTIFACT "application/vnd.kubestamp.disk.v1"
#define DISK_MEDIA_CONFIG "application/vnd.kubestamp.disk.config.v1+json"
#define DISK_MEDIA_CHUNK "application/vnd.kubestamp.disk.chunk.v1+zstd"

struct disk_chunk {
	uint64_t offset, len; /* of the guest's bytes: the window */
	uint64_t size;        /* of the blob */
	char raw[SHA256_HEX], hex[SHA256_HEX];
};

/* Start with zeros. */
struct disk {
	uint64_t size;   /* what a guest sees, bytes */
	char format[16]; /* that it is best made as */
	struct disk_chunk *v;
	size_t n, room_; /* sorted by offset, unless disk_add was the last to change it */
};

/* How long the window at OFFSET of a disk of SIZE bytes is: 16 MiB, or what is left. */
uint64_t disk_window(uint64_t size, uint64_t offset);

/* Adds a chunk, which is copied; disk_sort brings them into order. disk_add returns 0 or -1. */
int disk_add(struct disk *d, const struct disk_chunk *c, struct err *e);
void disk_sort(struct disk *d);

/* Is MANIFEST (of oci_parse_manifest) such an artifact's? */
bool disk_is(const json_t *manifest);

/*
 * Takes a manifest of oci_parse_manifest and the N bytes of its configuration apart. Whatever does not fit (a window
 * that overlaps, or is beyond the end) is an error. Returns 0 or -1; disk_free may be called whatever it returned.
 */
int disk_parse(struct disk *d, const json_t *manifest, const char *config, size_t n, struct err *e);

/* The documents of D: new references, or NULL when out of memory. CONFIG and SUBJECT (may be NULL) are taken. */
json_t *disk_config(const struct disk *d);
json_t *disk_manifest(const struct disk *d, json_t *config, json_t *subject);

void disk_free(struct disk *d);

/* The chunks of a disk by what is in them. Start with zeros; the disk is not to change while it is used. */
struct disk_index {
	const struct disk_chunk **v;
	size_t n;
};

/* Returns 0 or -1. */
int disk_index(struct disk_index *x, const struct disk *d, struct err *e);

/* The first of the chunks whose raw digest is RAW, or NULL; those after it may have the same. */
const struct disk_chunk *const *disk_find(const struct disk_index *x, const char *raw);

#endif
