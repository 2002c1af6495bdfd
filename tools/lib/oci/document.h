/*
 * The JSON documents of an OCI image (opencontainers/image-spec v1: descriptor.md, manifest.md, image-index.md,
 * config.md). Documents that come from elsewhere are checked before they are used; what is not known is kept.
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
#define OCI_REF_NAME "org.opencontainers.image.ref.name"

/* More layers than this are no image. A manifest of so many is near the 4 MiB that registries take. */
enum { OCI_MAX_LAYERS = 8192 };

/* More than this is no manifest, index or config (registries take 4 MiB). */
#define OCI_MAX_JSON (8U << 20)

/* A descriptor; the strings belong to the document that it is in. */
struct oci_desc {
	const char *media;
	const char *hex; /* 64 lower-case hexadecimal digits of a SHA-256 */
	uint64_t size;   /* bytes */
};

/* Parses and checks a document of N bytes. Return a new reference, or NULL with the reason in E. */
json_t *oci_parse_index(const char *text, size_t n, struct err *e);
json_t *oci_parse_manifest(const char *text, size_t n, struct err *e);
json_t *oci_parse_config(const char *text, size_t n, struct err *e);

/* Reads one descriptor. Returns 0, or -1 when it is none or its digest is no SHA-256. */
int oci_desc(const json_t *json, struct oci_desc *d, struct err *e);

/* The 64 digits of "sha256:HEX", or NULL: nothing else may become part of a file name. */
const char *oci_digest(const char *digest);

/* A new descriptor, or NULL when out of memory. */
json_t *oci_new_desc(const char *media, const char *hex, uint64_t size);

/* The descriptor in INDEX whose ref.name is TAG (a borrowed reference), or NULL. */
json_t *oci_find(const json_t *index, const char *tag);

/* A name as image-spec has it (annotations.md): components of letters and digits with separators between them? */
bool oci_good_tag(const char *tag);

/* The ref.name of a descriptor of an index, or NULL. */
const char *oci_tag(const json_t *desc);

/* Puts DESC (a reference that is taken) into INDEX as TAG, in place of what had that name. Returns 0 or -1. */
int oci_set(json_t *index, const char *tag, json_t *desc);

/*
 * Applies EDITS to the "config" object of an image: Env and maps are merged by key, other members replaced. An
 * Entrypoint without a Cmd drops the Cmd that was there, as it belonged to another program. Returns 0 or -1.
 */
int oci_edit(json_t *config, json_t *edits, struct err *e);

/* The one form in which documents are written: compact, members sorted. Returns it (free it), or NULL. */
char *oci_dump(const json_t *json);

/*
 * Calls FOUND for every descriptor anywhere in a document, its own "subject" and the like included; stops when it
 * returns other than 0, and returns that.
 */
int oci_each_desc(json_t *json, int (*found)(const struct oci_desc *d, void *arg), void *arg);

#endif
