/* Packs the layers of an image, several at the same time, and stores them in a layout. */
#ifndef KS_OCI_PACK_H
#define KS_OCI_PACK_H

#include <jansson.h>

#include "oci/layer.h"
#include "oci/layout.h"

struct pack {
	struct layer_spec spec;
	struct compress_sums sums; /* result: digests and size */
	struct words skipped;      /* result: files that were left out; the caller frees it */
	json_t *annotations;       /* of the layer's descriptor, or NULL; owned by the caller */
};

/*
 * Packs V[0..N) in up to JOBS threads (at least 1); the digests do not depend on their number. Returns 0, -1, or
 * LAYER_INVALID (layer_pack). The layout's index does not change.
 */
int pack_layers(struct layout *l, struct pack *v, size_t n, int jobs, struct err *e);

#endif
