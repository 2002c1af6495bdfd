/*
 * Artifacts that refer to an image (distribution-spec 1.1, "Listing Referrers"): by the referrers API, or where a
 * registry has none by the index that is tagged sha256-HEX, which who pushes one keeps up to date.
 */
#ifndef KS_REGISTRY_REFERRERS_H
#define KS_REGISTRY_REFERRERS_H

#include <jansson.h>

#include "oci/document.h"
#include "registry/pool.h"

/*
 * The descriptors of the artifacts of the type ARTIFACT that refer to the image HEX of REPO: a new array in *FOUND,
 * which may be empty. Returns 0, -1 or REGPOOL_LATE.
 */
int regrefer_find(
    struct regpool *p, const char *repo, const char *hex, const char *artifact, json_t **found, struct err *e);

/*
 * Puts the manifest D, whose text is TEXT (N bytes), into the index of the image that it refers to. Two that do so at
 * the same time may lose one: there is no remedy in the protocol. Returns 0, -1 or REGPOOL_LATE.
 */
int regrefer_add(
    struct regpool *p, const char *repo, const struct oci_desc *d, const char *text, size_t n, struct err *e);

#endif
