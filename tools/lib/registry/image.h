/* What an image consists of: its documents (manifests, and indexes above them) and the blobs that these name. */
#ifndef KS_REGISTRY_IMAGE_H
#define KS_REGISTRY_IMAGE_H

#include <stdbool.h>

#include "oci/layout.h"

struct regimage_part {
	char hex[SHA256_HEX];
	char media[128];
	char subject[SHA256_HEX]; /* of a document that refers to another one; empty: to none */
	uint64_t size;
	int depth;    /* of a document: how many are above it */
	bool foreign; /* a blob that is to be had elsewhere, at URLs that its manifest names */
};

struct regimage_list {
	struct regimage_part *v;
	size_t n, room_;
};

/* Start with zeros. */
struct regimage {
	struct regimage_list docs, blobs; /* each of them once; no document is before one that names it */
};

/* What registries are asked for. */
#define REGIMAGE_ACCEPT                                                                                  \
	OCI_MEDIA_MANIFEST ", " OCI_MEDIA_INDEX ", application/vnd.docker.distribution.manifest.v2+json" \
			   ", application/vnd.docker.distribution.manifest.list.v2+json"

/* Begins with the document D. Returns 0 or -1. */
int regimage_begin(struct regimage *i, const struct oci_desc *d, struct err *e);

/* Adds what the text of the document number DOC, of N bytes, names. Returns 0 or -1. */
int regimage_follow(struct regimage *i, size_t doc, const char *text, size_t n, struct err *e);

/* All of the image D, from a layout. Returns 0 or -1. */
int regimage_read(struct regimage *i, const struct layout *l, const struct oci_desc *d, struct err *e);

bool regimage_has(const struct regimage_list *list, const char *hex);

void regimage_free(struct regimage *i);

#endif
