/* Image indexes: one name for images of several platforms (image-spec, image-index.md). */
#ifndef KS_OCI_IMAGE_INDEX_H
#define KS_OCI_IMAGE_INDEX_H

#include "base/words.h"
#include "oci/layout.h"

#define IMAGEINDEX_NONE (-4) /* no image of that name, or two for the same platform */

/*
 * Stores an index of the images MEMBERS of L, each with the platform in its configuration, and makes TAG name it. NOTES
 * are its annotations, or NULL. HEX receives its digest. Returns 0, -1, LAYOUT_LATE or IMAGEINDEX_NONE.
 */
int imageindex_store(
    struct layout *l, const char *tag, const struct words *members, json_t *notes, char hex[SHA256_HEX], struct err *e);

#endif
