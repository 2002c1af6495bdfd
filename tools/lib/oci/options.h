/*
 * An image as the options of ocipack describe it: its layers, its configuration and its annotations. Each function
 * takes the argument of one option.
 */
#ifndef KS_OCI_OPTIONS_H
#define KS_OCI_OPTIONS_H

#include <jansson.h>

#include "oci/pack.h"

/* Initialize with PACKOPTS_DEFAULTS and packopts_init. */
struct packopts {
	struct pack *layers;
	size_t nlayers;
	json_t *config;      /* the members to set in the image's object "config" */
	json_t *annotations; /* {"annotations": {...}}, or {} */
	struct words texts;  /* sources and destinations of layers */
	struct words exclude;
	/* Settings for the layers that follow: */
	json_t *notes; /* annotations of their descriptors, in the form of ANNOTATIONS */
	enum compress_kind kind;
	bool owner_given, keep_owner, no_devices;
	int64_t uid, gid;
	uint64_t max;
};

/* The limit of 64 GiB is far above any real layer, and catches files that claim to have 2^63 bytes. */
#define PACKOPTS_DEFAULTS                                        \
	{                                                        \
		.kind = COMPRESS_ZSTD, .max = (uint64_t)64 << 30 \
	}

/* Returns 0 or -1. Call packopts_free in both cases. */
int packopts_init(struct packopts *o, struct err *e);
void packopts_free(struct packopts *o);

/* The JSON value that an option sets: a string, an array, an object of NAME=VALUE, or an object with empty objects. */
enum packopts_shape { PACKOPTS_TEXT, PACKOPTS_LIST, PACKOPTS_PAIRS, PACKOPTS_KEYS };

/* The following functions return 0, or -1 if the argument is invalid, or out of memory. */

/* Sets the member NAME of TO, or adds to it. */
int packopts_set(json_t *to, enum packopts_shape shape, const char *name, const char *arg, struct err *e);

/* Adds to the environment (NAME=VALUE), or to the exposed ports (PORT[/PROTOCOL]). */
int packopts_env(struct packopts *o, const char *arg, struct err *e);
int packopts_port(struct packopts *o, const char *arg, struct err *e);

/* For the layers that follow: UID:GID or "keep"; none, gzip or zstd; "keep" or "refuse"; a size (num_size). */
int packopts_owner(struct packopts *o, const char *arg, struct err *e);
int packopts_kind(struct packopts *o, const char *arg, struct err *e);
int packopts_devices(struct packopts *o, const char *arg, struct err *e);
int packopts_max(struct packopts *o, const char *arg, struct err *e);

/* Adds a layer: DIR[=PREFIX] of a tree, SRC=DEST of a file, FILE of an archive. */
int packopts_layer(struct packopts *o, enum layer_source source, const char *arg, struct err *e);

#endif
