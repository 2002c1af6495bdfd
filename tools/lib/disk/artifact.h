/*
 * A disk as an artifact of a registry: its raw contents in windows of 16 MiB of guest bytes, of which those that are
 * all zeros are left out. Each window is a blob of one zstd frame. The manifest (image-spec 1.1) has one layer a window:
 *   artifactType  application/vnd.kubestamp.disk.v1
 *   config        {"chunkSize": 16777216, "format": "qcow2", "virtualSize": BYTES}
 *   layers        with annotations org.kubestamp.disk.offset and .size, in decimal bytes, and .digest, "sha256:..." of
 *                 the guest bytes
 *   subject       the image that the disk belongs to
 */
#ifndef KS_DISK_ARTIFACT_H
#define KS_DISK_ARTIFACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "oci/document.h"

#define DISK_WINDOW ((uint64_t)16 << 20) /* bytes */
#define DISK_ARTIFACT "application/vnd.kubestamp.disk.v1"
#define DISK_MEDIA_CONFIG "application/vnd.kubestamp.disk.config.v1+json"
#define DISK_MEDIA_WINDOW "application/vnd.kubestamp.disk.chunk.v1+zstd"

struct disk_window {
	uint64_t offset, len; /* in the disk, guest bytes */
	uint64_t size;        /* of the blob */
	char raw[SHA256_HEX]; /* digest of the guest bytes */
	char hex[SHA256_HEX]; /* digest of the blob */
};

/* Initialize to zero. */
struct disk {
	uint64_t size;   /* virtual size, bytes */
	char format[16]; /* preferred format of the image file */
	struct disk_window *v;
	size_t n, room_; /* sorted by offset, unless disk_sort has yet to be called after disk_add */
};

/* The length of the window at OFFSET of a disk of SIZE bytes: 16 MiB, or less at the end. */
uint64_t disk_window_len(uint64_t size, uint64_t offset);

/* Adds a copy of a window, in any order (returns 0 or -1); sorts the windows. */
int disk_add(struct disk *d, const struct disk_window *w, struct err *e);
void disk_sort(struct disk *d);

/* Is MANIFEST (of document_parse_manifest) that of a disk? */
bool disk_is(const json_t *manifest);

/*
 * Parses a manifest of document_parse_manifest and the N bytes of its configuration. Windows that overlap or exceed the
 * disk are errors. Returns 0 or -1. Call disk_free in both cases.
 */
int disk_parse(struct disk *d, const json_t *manifest, const char *config, size_t n, struct err *e);

/*
 * The documents of D: new references, or NULL if out of memory. disk_manifest takes the references CONFIG and SUBJECT,
 * both descriptors; SUBJECT may be NULL.
 */
json_t *disk_config(const struct disk *d);
json_t *disk_manifest(const struct disk *d, json_t *config, json_t *subject);

void disk_free(struct disk *d);

/* The windows of a disk, sorted by their contents. Initialize to zero; the disk must not change while it is in use. */
struct disk_index {
	const struct disk_window **v;
	size_t n;
};

/* Returns 0 or -1. */
int disk_index(struct disk_index *x, const struct disk *d, struct err *e);

/* The first window with the raw digest RAW, or NULL; windows with the same digest follow it. */
const struct disk_window *const *disk_find(const struct disk_index *x, const char *raw);

#endif
