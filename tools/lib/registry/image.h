/* The parts of an image: its documents (manifests, and indexes above them) and the blobs that they name. */
#ifndef KS_REGISTRY_IMAGE_H
#define KS_REGISTRY_IMAGE_H

#include <stdbool.h>

#include "oci/layout.h"

struct regimage_part {
	char hex[SHA256_HEX];
	char media[128];
	char subject[SHA256_HEX]; /* the manifest to which a document refers; empty: none */
	uint64_t size;            /* bytes */
	int depth;                /* of a document: the number of those above it */
	bool foreign;             /* a blob that its manifest says to get from other URLs */
	bool config;              /* a blob that is an image's configuration */
};

struct regimage_list {
	struct regimage_part *v;
	size_t n, room_;
};

/* Initialize to zero. */
struct regimage {
	struct regimage_list docs, blobs; /* without duplicates; a document comes after the one that names it */
};

/* The Accept header for manifests. */
#define REGIMAGE_ACCEPT                                                                                  \
	OCI_MEDIA_MANIFEST ", " OCI_MEDIA_INDEX ", application/vnd.docker.distribution.manifest.v2+json" \
			   ", application/vnd.docker.distribution.manifest.list.v2+json"

/* Begins with the document D. Returns 0 or -1. */
int regimage_begin(struct regimage *i, const struct document_desc *d, struct err *e);

/* Adds the parts that document number DOC, whose text has N bytes, names. Returns 0 or -1. */
int regimage_follow(struct regimage *i, size_t doc, const char *text, size_t n, struct err *e);

/* Reads all documents of the image D from a layout. Returns 0 or -1. */
int regimage_read(struct regimage *i, const struct layout *l, const struct document_desc *d, struct err *e);

/* Sorts the blobs, the largest first: the order in which they are transferred. */
void regimage_sort_blobs(struct regimage *i);

bool regimage_has(const struct regimage_list *list, const char *hex);

void regimage_free(struct regimage *i);

#endif
