/*
 * Artifacts that refer to an image (distribution-spec 1.1, "Listing Referrers"): by the referrers API or, if the
 * registry does not have it, by the index with the tag sha256-HEX, which clients keep up to date ("Referrers Tag
 * Schema").
 */
#ifndef KS_REGISTRY_REFERRERS_H
#define KS_REGISTRY_REFERRERS_H

#include <jansson.h>

#include "oci/document.h"
#include "registry/queue.h"

/*
 * Sets *FOUND to a new array, which may be empty: the descriptors of the artifacts of type ARTIFACT that refer to the
 * image HEX of REPO. Returns 0, -1 or REGQUEUE_LATE.
 */
int regreferrers_find(
    struct regqueue *q, const char *repo, const char *hex, const char *artifact, json_t **found, struct err *e);

/*
 * Adds the manifest D, whose text is TEXT (N bytes), to the tagged index of the image to which it refers. If two
 * clients do this at the same time, one entry may be lost; the protocol cannot prevent it. Returns 0, -1 or
 * REGQUEUE_LATE.
 */
int regreferrers_add(
    struct regqueue *q, const char *repo, const struct document_desc *d, const char *text, size_t n, struct err *e);

#endif
