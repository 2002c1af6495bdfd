/*
 * An OCI image layout on disk (opencontainers/image-spec v1, image-layout.md): oci-layout, index.json and
 * blobs/sha256. The index is replaced last and atomically, so an image is in it only once all of its blobs are there.
 */
#ifndef KS_OCI_LAYOUT_H
#define KS_OCI_LAYOUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/output.h"
#include "base/sha256.h"
#include "oci/document.h"

struct layout {
	char *dir;
	int64_t deadline; /* (now_ms) for waiting for locks that other processes hold */
	int index_lock;   /* the directory itself, locked while its index changes */
	int blobs_lock;   /* its blobs directory, locked (shared) while there are blobs that no index names yet */
};

#define LAYOUT_BLOBS "blobs/sha256"
#define LAYOUT_TEMP "blob." /* prefix of the names of unfinished blobs */
#define LAYOUT_LATE (-2)    /* the deadline passed */

/*
 * Opens the layout DIR. With CREATE, an absent or empty directory becomes an empty layout. Returns 0, -1, or
 * LAYOUT_LATE. Call layout_close in every case.
 */
int layout_open(struct layout *l, const char *dir, bool create, int64_t deadline, struct err *e);
void layout_close(struct layout *l);

/* Is DIR an existing layout? */
bool layout_is(const char *dir);

/* Ends TEXT at the first colon that has an existing layout before it. Returns what follows, or NULL: none was found. */
char *layout_split(char *text);

/*
 * Opens the layout of "[LAYOUT:]TAG", holds its blobs, and advances *TAG to the tag. Without LAYOUT, FROM's directory
 * is NULL. Returns 0, -1 or LAYOUT_LATE. Call layout_close in every case.
 */
int layout_open_from(struct layout *from, const char **tag, int64_t deadline, struct err *e);

/* Keeps layout_prune of other processes waiting until layout_close. Returns 0, -1 or LAYOUT_LATE. */
int layout_hold_blobs(struct layout *l, struct err *e);

/*
 * Writes a blob: begin, write to o->f, end with its digest HEX. Several threads may do so at the same time, with at
 * most LAYOUT_MAX_OPEN open blobs in total. An unfinished blob is removed by layout_blob_abort, or when a signal ends
 * the process (unfinished_catch_signals). Return 0 or -1.
 */
#define LAYOUT_MAX_OPEN 12
int layout_blob_begin(struct layout *l, struct out *o, struct err *e);
int layout_blob_end(struct layout *l, struct out *o, const char *hex, struct err *e);
void layout_blob_abort(struct out *o);

/* Writes the document JSON as a blob. HEX receives its digest, SIZE its length in bytes. Returns 0 or -1. */
int layout_put(struct layout *l, const json_t *json, char hex[SHA256_HEX], uint64_t *size, struct err *e);

/* As layout_put, for N bytes of TEXT, which are not changed. */
int layout_put_text(struct layout *l, const char *text, size_t n, char hex[SHA256_HEX], struct err *e);

/* Reads the document D and checks its digest; N receives its length. Returns its text (free it), or NULL. */
char *layout_text(const struct layout *l, const struct document_desc *d, size_t *n, struct err *e);

/* Reads the document D, checks its digest, and parses it with PARSE. Returns a new reference, or NULL. */
json_t *layout_get(const struct layout *l, const struct document_desc *d,
    json_t *(*parse)(const char *, size_t, struct err *), struct err *e);

/* Adds the blob D of another layout: as a hard link, or else as a copy whose digest is checked. Returns 0 or -1. */
int layout_import(struct layout *l, const struct layout *from, const struct document_desc *d, struct err *e);

/* The parsed index.json. Returns a new reference, or NULL. */
json_t *layout_index(const struct layout *l, struct err *e);

/* The descriptor that TAG names. Returns a new reference, or NULL. */
json_t *layout_find(const struct layout *l, const char *tag, struct err *e);

/*
 * Makes TAG name DESC, whose reference it takes, replacing what had that name. Returns 0, -1 or LAYOUT_LATE.
 */
int layout_tag(struct layout *l, const char *tag, json_t *desc, struct err *e);

/*
 * Removes the blobs that nothing in the index refers to, and the unfinished files of killed processes. If a document
 * that the index refers to cannot be read, nothing is removed. An absent blob is not an error: a layout may leave it to
 * a registry (image-spec, image-layout.md). Returns 0, -1 or LAYOUT_LATE.
 */
int layout_prune(struct layout *l, struct err *e);

/* The path "DIR/A/B", or "DIR/A" if B is empty (free it); NULL if out of memory. */
char *layout_path(const struct layout *l, const char *a, const char *b, struct err *e);

#endif
