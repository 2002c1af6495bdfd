/* Makes the layers of an image and stores them in a layout, several at the same time. */
#ifndef KS_OCI_PACK_H
#define KS_OCI_PACK_H

#include "oci/layer.h"
#include "oci/layout.h"

struct pack {
	struct layer_spec spec;   /* all but "stop" is the caller's to fill */
	struct squeeze_sums sums; /* what the layer has become */
	struct words skipped;     /* files that were left out; the caller frees it */
	json_t *annotations;      /* of its descriptor, or NULL; the caller's */
};

/*
 * Packs V[0..N) by up to JOBS threads (at least 1); the digests do not depend on their number. Returns 0, -1, or
 * LAYER_INVALID when an archive among the inputs is not one. On error the layout's index knows of nothing.
 */
int pack_layers(struct layout *l, struct pack *v, size_t n, int jobs, struct err *e);

#endif
