/*
 * A layer of an image as a tar stream (opencontainers/image-spec, layer.md) in one canonical form: numeric owners, one
 * time stamp, pax headers only where ustar does not suffice, and of extended attributes only user.* and
 * security.capability.
 */
#ifndef KS_OCI_LAYER_H
#define KS_OCI_LAYER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/words.h"
#include "oci/compress.h"

enum layer_source {
	LAYER_TREE, /* the contents of a directory, sorted; see oci/tree.h */
	LAYER_FILE, /* one regular file, and its parent directories */
	LAYER_TAR,  /* the entries of an archive, in their order */
};

#define LAYER_STDIN "-" /* as SRC of a LAYER_TAR: standard input */

struct layer_spec {
	enum layer_source source;
	const char *src;
	const char
	    *dest; /* path in the image, as tree_path makes it: a tree's prefix ("" is the root), a file's name */
	enum compress_kind kind; /* for the caller, who makes the stream */
	bool keep_owner;         /* if false, UID and GID own everything */
	uid_t uid;
	gid_t gid;
	bool no_devices;      /* refuse devices */
	uint64_t max;         /* largest size before compression, bytes */
	int64_t mtime;        /* of all entries, seconds since 1970 */
	char *const *exclude; /* of a tree: see tree_read */
	size_t nexclude;
};

#define LAYER_INVALID (-3)

/*
 * Writes the layer's tar stream to TO, which it does not end. The names of sockets, which are left out, are added to
 * SKIPPED. Fails soon once *STOP is true. Several threads may run it at the same time. Returns 0, -1, or LAYER_INVALID
 * if the source is an archive that is damaged or not allowed in an image.
 */
int layer_pack(
    const struct layer_spec *spec, const atomic_bool *stop, struct compress *to, struct words *skipped, struct err *e);

#endif
