/* The documents of an image in a registry: all that its manifest or index names, and what it consists of. */
#ifndef KS_REGISTRY_DOCUMENTS_H
#define KS_REGISTRY_DOCUMENTS_H

#include "registry/image.h"
#include "registry/pool.h"

struct regdocs {
	struct regpool *p;
	const char *repo;
	struct layout *l; /* documents that are there are not asked for */
	bool keep;        /* put the others there */
	bool lenient;     /* a document that is bad or not to be had is left out, and so is what is below it */
	struct regimage image;
};

/* The registry has no such image, or (lenient) none that can be used. */
#define REGDOCS_NONE (-3)

/*
 * Gets the image that REFERENCE, a tag or "sha256:HEX", names into D's image, which is to be freed. NAME is what it is
 * called in messages. Returns 0, -1, REGPOOL_LATE or REGDOCS_NONE.
 */
int regdocs_get(struct regdocs *d, const char *reference, const char *name, struct err *e);

#endif
