/*
 * A layer of an image as a tar stream (opencontainers/image-spec, layer.md) in one canonical form: numeric owners,
 * one time stamp, pax headers only where ustar cannot say it, extended attributes only user.* and
 * security.capability.
 */
#ifndef KS_OCI_LAYER_H
#define KS_OCI_LAYER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci/compress.h"
#include "base/words.h"

enum layer_source {
	LAYER_TREE, /* what is below a directory, sorted; see tree.h */
	LAYER_FILE, /* one regular file, and the directories that lead to it */
	LAYER_TAR,  /* an archive, its entries in their order */
};

#define LAYER_STDIN "-" /* as SRC of a LAYER_TAR: standard input */

struct layer_spec {
	enum layer_source source;
	const char *src;
	const char *dest;       /* of a tree: where, "" is the root; of a file: its name. As tree_path makes it. */
	enum squeeze_kind kind; /* for layer_pack's caller, who makes the stream */
	bool keep_owner;        /* else UID and GID are everything's owner */
	uid_t uid;
	gid_t gid;
	bool no_devices;      /* they are an error */
	uint64_t max;         /* bytes that the layer may have before it is compressed */
	int64_t mtime;        /* seconds since 1970 */
	char *const *exclude; /* of a tree: see tree_read */
	size_t nexclude;
	const atomic_bool *stop; /* once true, the work fails soon */
};

#define LAYER_INVALID (-3)

/*
 * Writes the layer's tar stream to S; S is not ended. Names of what was left out (sockets) are added to SKIPPED.
 * May run in several threads at once. Returns 0, -1, or LAYER_INVALID when it is an archive that cannot be read.
 */
int layer_pack(const struct layer_spec *spec, struct squeeze *s, struct words *skipped, struct err *e);

#endif
