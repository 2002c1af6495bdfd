/*
 * The JSON documents of an OCI image (opencontainers/image-spec v1: descriptor.md, manifest.md, image-index.md,
 * config.md). Documents of others are checked before they are used; unknown members are kept.
 */
#ifndef KS_OCI_DOCUMENT_H
#define KS_OCI_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define OCI_MEDIA_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER "application/vnd.oci.image.layer.v1.tar" /* and "+gzip" or "+zstd" */

/* Limit on the layers of an image: a manifest with that many is near the 4 MiB that registries accept. */
enum { OCI_MAX_LAYERS = 8192 };

/* Largest manifest, index or configuration, bytes (registries accept 4 MiB). */
#define OCI_MAX_JSON (8U << 20)

/* A descriptor; its strings belong to the document. */
struct document_desc {
	const char *media;
	const char *hex; /* 64 lower-case hexadecimal digits of a SHA-256 */
	uint64_t size;   /* bytes */
};

/* Parse and check a document of N bytes. Return a new reference, or NULL. */
json_t *document_parse_index(const char *text, size_t n, struct err *e);
json_t *document_parse_manifest(const char *text, size_t n, struct err *e);
json_t *document_parse_config(const char *text, size_t n, struct err *e);

/* Reads a descriptor. Returns 0, or -1 if it is not one, or its digest is not SHA-256. */
int document_desc(const json_t *json, struct document_desc *d, struct err *e);

/* A new descriptor, or NULL if out of memory. */
json_t *document_new_desc(const char *media, const char *hex, uint64_t size);

/* The descriptor in INDEX whose ref.name is TAG (a borrowed reference), or NULL. */
json_t *document_find(const json_t *index, const char *tag);

/* Finds the descriptor of HEX in LIST, an array of manifests or layers. Returns false if it has none. */
bool document_find_digest(const json_t *list, const char *hex, struct document_desc *d);

/* Is TAG valid as a ref.name (image-spec, annotations.md): letters, digits and separators, not beginning with one? */
bool document_good_tag(const char *tag);

/* The ref.name of a descriptor in an index, or NULL. */
const char *document_tag(const json_t *desc);

/* Adds DESC, whose reference it takes, to INDEX as TAG, replacing what had that name. Returns 0 or -1. */
int document_set(json_t *index, const char *tag, json_t *desc);

/*
 * Applies EDITS to the "config" object of an image: Env and maps are merged by key, other members are replaced. An
 * Entrypoint without a Cmd also removes the old Cmd, which belonged to another program. Returns 0 or -1.
 */
int document_edit(json_t *config, json_t *edits, struct err *e);

/* JSON as all documents are written: compact, with sorted members. Returns the text (free it), or NULL. */
char *document_dump(const json_t *json);

/*
 * Calls FOUND for every descriptor anywhere in a document, including "subject", until it returns a value other than 0.
 * Returns that value, or 0.
 */
int document_each_desc(json_t *json, int (*found)(const struct document_desc *d, void *arg), void *arg);

#endif
