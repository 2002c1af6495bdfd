/*
 * The layer with an image's disk (disk/layer.h), made from the disk of an earlier image in the same layout and the
 * windows that changed, instead of being downloaded.
 */
#ifndef KS_REGISTRY_DISK_LAYER_H
#define KS_REGISTRY_DISK_LAYER_H

#include "oci/layout.h"
#include "registry/image.h"
#include "registry/queue.h"

struct regdisklayer {
	struct regqueue *q;
	const char *host, *repo;
	const struct layout *l;            /* with its blobs held */
	const struct regimage_part *image; /* the image's manifest, which the layout has */
	/* Results: digests of the layer that was made and of the earlier one. */
	char made[SHA256_HEX], from[SHA256_HEX];
};

/*
 * Makes the layer as far as possible, and leaves it where a download into the layout begins (oci/layout_part.h): the
 * download gets the rest, verifies the digest, and starts again if it is wrong. Returns 1; 0 if there is nothing to do,
 * such as when the layout has the layer or no earlier disk; REGQUEUE_LATE; or -1 if the disk's artifact cannot be used,
 * or most of it would have to be downloaded.
 */
int regdisklayer_make(struct regdisklayer *r, struct err *e);

#endif
