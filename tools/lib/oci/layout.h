/*
 * An OCI image layout on disk (opencontainers/image-spec v1, image-layout.md): oci-layout, index.json and
 * blobs/sha256. The index is replaced last and atomically, so a layout is as it was until an image is whole.
 */
#ifndef KS_OCI_LAYOUT_H
#define KS_OCI_LAYOUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/document.h"
#include "base/output.h"
#include "base/sha256.h"

struct layout {
	char *dir;
	int64_t deadline; /* of now_ms: until when it waits for locks that others hold */
	int index_lock;   /* the directory itself, locked while its index changes */
	int blobs_lock;   /* its blobs directory, locked (shared) while blobs are added that no index names yet */
};

#define LAYOUT_BLOBS "blobs/sha256"
#define LAYOUT_TEMP "blob." /* how the names of unfinished blobs begin */
#define LAYOUT_LATE (-2)    /* the deadline passed */

/*
 * Opens the layout DIR; with CREATE an absent or empty directory becomes an empty layout. Returns 0, -1, or
 * LAYOUT_LATE. layout_close may be called whatever it returned.
 */
int layout_open(struct layout *l, const char *dir, bool create, int64_t deadline, struct err *e);
void layout_close(struct layout *l);

/*
 * Opens the layout that "LAYOUT:TAG" begins with, if it does, holds its blobs, and moves *TAG on to the tag. Without
 * one FROM has no DIR. Returns 0, -1 or LAYOUT_LATE; layout_close may be called whatever it returned.
 */
int layout_open_from(struct layout *from, const char **tag, int64_t deadline, struct err *e);

/* Keeps layout_prune of others away until layout_close. Returns 0, -1 or LAYOUT_LATE. */
int layout_hold_blobs(struct layout *l, struct err *e);

/*
 * Writes a blob: begin, write to o->f, end with its digest HEX. Threads may do so at the same time; at most
 * LAYOUT_MAX_OPEN blobs are open at once. An unfinished blob ends by layout_blob_abort, or by a signal
 * (out_catch_signals). Return 0 or -1.
 */
#define LAYOUT_MAX_OPEN 12
int layout_blob_begin(struct layout *l, struct out *o, struct err *e);
int layout_blob_end(struct layout *l, struct out *o, const char *hex, struct err *e);
void layout_blob_abort(struct out *o);

/* Writes the document JSON as a blob. Its digest goes to HEX, its length in bytes to SIZE. Returns 0 or -1. */
int layout_put(struct layout *l, const json_t *json, char hex[SHA256_HEX], uint64_t *size, struct err *e);

/* As layout_put, with N bytes of TEXT as they are. */
int layout_put_text(struct layout *l, const char *text, size_t n, char hex[SHA256_HEX], struct err *e);

/* Reads the document D, of N bytes, and checks its digest. Returns its text (free it), or NULL. */
char *layout_text(const struct layout *l, const struct oci_desc *d, size_t *n, struct err *e);

/* Reads the document D, checks its digest, and parses it with PARSE. Returns a new reference, or NULL. */
json_t *layout_get(const struct layout *l, const struct oci_desc *d,
    json_t *(*parse)(const char *, size_t, struct err *), struct err *e);

/* Brings the blob D from another layout: by a hard link, or else by a copy that is checked. Returns 0 or -1. */
int layout_import(struct layout *l, const struct layout *from, const struct oci_desc *d, struct err *e);

/* The index. Returns a new reference, or NULL. */
json_t *layout_index(const struct layout *l, struct err *e);

/* Makes TAG name the image DESC (a reference that is taken), in place of another. Returns 0, -1 or LAYOUT_LATE. */
int layout_tag(struct layout *l, const char *tag, json_t *desc, struct err *e);

/*
 * Removes the blobs that nothing in the index refers to and what a killed process left. Nothing is removed when a
 * document that the index refers to cannot be read. A blob that is not there is no error: a layout may leave it to a
 * registry (image-spec, image-layout.md). Returns 0, -1 or LAYOUT_LATE.
 */
int layout_prune(struct layout *l, struct err *e);

/* For the parts of this library: "DIR/A/B" (free it) or NULL; a flock(2) within the deadline; an atomic file. */
char *layout_path(const struct layout *l, const char *a, const char *b, struct err *e);
int layout_lock(const struct layout *l, int fd, int how, struct err *e);
int layout_write(const struct layout *l, const char *name, const char *text, struct err *e);

#endif
