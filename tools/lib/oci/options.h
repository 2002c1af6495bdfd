/* What ocipack's options say of an image: its layers, its configuration, its annotations. */
#ifndef KS_OCI_OPTIONS_H
#define KS_OCI_OPTIONS_H

#include <jansson.h>

#include "oci/pack.h"

/* Start with PACKOPTS_DEFAULTS and packopts_init. */
struct packopts {
	struct pack *layers;
	size_t nlayers;
	json_t *config;      /* the object "config" of an image, as far as the options say */
	json_t *annotations; /* {"annotations": {...}}, or {} */
	struct words texts;  /* sources and destinations of layers */
	struct words exclude;
	/* What applies to the layers that follow. */
	json_t *notes; /* annotations of their descriptors, as ANNOTATIONS */
	enum compress_kind kind;
	bool owner_given, keep_owner, no_devices;
	int64_t uid, gid;
	uint64_t max;
};

/* Far more than an image has, and far less than a file that claims 2^63 bytes. */
#define PACKOPTS_DEFAULTS                                       \
	{                                                       \
		.kind = COMPRESS_ZSTD, .max = (uint64_t)64 << 30 \
	}

/* Returns 0 or -1; packopts_free may be called whatever it returned. */
int packopts_init(struct packopts *o, struct err *e);
void packopts_free(struct packopts *o);

/* What a member of a JSON object is made of. */
enum packopts_shape { PACKOPTS_TEXT, PACKOPTS_LIST, PACKOPTS_PAIRS, PACKOPTS_KEYS };

/* All take the argument ARG of an option. Return 0, or -1: it is wrong, or memory is out. */

/* Sets the member NAME of TO, or adds to it. */
int packopts_set(json_t *to, enum packopts_shape shape, const char *name, const char *arg, struct err *e);
/* The environment's NAME=VALUE; a port. */
int packopts_env(struct packopts *o, const char *arg, struct err *e);
int packopts_port(struct packopts *o, const char *arg, struct err *e);
/* For the layers that follow: UID:GID or keep; the compression; keep or refuse; a size as num_size. */
int packopts_owner(struct packopts *o, const char *arg, struct err *e);
int packopts_kind(struct packopts *o, const char *arg, struct err *e);
int packopts_devices(struct packopts *o, const char *arg, struct err *e);
int packopts_max(struct packopts *o, const char *arg, struct err *e);
/* Adds a layer from "SRC=DEST" or "SRC". */
int packopts_layer(struct packopts *o, enum layer_source source, const char *arg, struct err *e);

#endif
