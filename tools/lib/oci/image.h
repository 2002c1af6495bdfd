/* An image under construction: its configuration and its manifest. */
#ifndef KS_OCI_IMAGE_H
#define KS_OCI_IMAGE_H

#include <jansson.h>
#include <stdint.h>

#include "oci/layout.h"
#include "oci/pack.h"

struct image {
	json_t *config, *manifest;
	char hex[SHA256_HEX]; /* the digest of the manifest, set by image_store */
	const char *created;  /* RFC 3339; owned by the caller */
};

#define IMAGE_NONE (-4) /* no image of that name, or not one to build on */

/* Begins an image without layers. Returns 0 or -1. Call image_free in both cases. */
int image_new(struct image *i, const char *created, struct err *e);
void image_free(struct image *i);

/*
 * Begins an image with the layers and the configuration of TAG in the layout FROM; the blobs are imported into TO.
 * Annotations of the manifest are not inherited: they describe the other image. Returns 0, -1 or IMAGE_NONE.
 */
int image_from(
    struct image *i, struct layout *to, const struct layout *from, const char *tag, const char *created, struct err *e);

/* Adds the packed layer P. Returns 0 or -1. */
int image_add_layer(struct image *i, const struct pack *p, struct err *e);

/* Stores the documents in L and makes TAG name the image. Returns 0, -1 or LAYOUT_LATE. */
int image_store(struct image *i, struct layout *l, const char *tag, struct err *e);

/* The image's digests: {"manifest", "config", "layers": [{"digest", "diffid", "size", "media"}]}, or NULL. */
json_t *image_summary(const struct image *i);

#endif
