/*
 * An image as the options of ocipack describe it: its layers, its configuration and its annotations. Each function
 * takes the argument of one option.
 */
#ifndef KS_OCI_OPTIONS_H
#define KS_OCI_OPTIONS_H

#include <jansson.h>

#include "oci/pack.h"

/* Initialize with OCIOPTS_DEFAULTS and ociopts_init. */
struct ociopts {
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
#define OCIOPTS_DEFAULTS                                         \
	{                                                        \
		.kind = COMPRESS_ZSTD, .max = (uint64_t)64 << 30 \
	}

/* Returns 0 or -1. Call ociopts_free in both cases. */
int ociopts_init(struct ociopts *o, struct err *e);
void ociopts_free(struct ociopts *o);

/* The JSON value that an option sets: a string, an array, an object of NAME=VALUE, or an object with empty objects. */
enum ociopts_shape { OCIOPTS_TEXT, OCIOPTS_LIST, OCIOPTS_PAIRS, OCIOPTS_KEYS };

/* The following functions return 0, or -1 if the argument is invalid, or out of memory. */

/* Sets the member NAME of TO, or adds to it. */
int ociopts_set(json_t *to, enum ociopts_shape shape, const char *name, const char *arg, struct err *e);

/* Adds to the environment (NAME=VALUE), or to the exposed ports (PORT[/PROTOCOL]). */
int ociopts_env(struct ociopts *o, const char *arg, struct err *e);
int ociopts_port(struct ociopts *o, const char *arg, struct err *e);

/* For the layers that follow: UID:GID or "keep"; none, gzip or zstd; "keep" or "refuse"; a size (num_size). */
int ociopts_owner(struct ociopts *o, const char *arg, struct err *e);
int ociopts_kind(struct ociopts *o, const char *arg, struct err *e);
int ociopts_devices(struct ociopts *o, const char *arg, struct err *e);
int ociopts_max(struct ociopts *o, const char *arg, struct err *e);

/* Adds a layer: DIR[=PREFIX] of a tree, SRC=DEST of a file, FILE of an archive. */
int ociopts_layer(struct ociopts *o, enum layer_source source, const char *arg, struct err *e);

#endif
