/*
 * A derived provider: made for one build, which inherits another, applies more manifests, declares more images, and takes
 * Kubernetes from elsewhere or has another pod network (MANIFESTS, EXTRA_IMAGES, SOURCE and CNI of make). Its directory
 * is named by its contents.
 */
#ifndef KS_PROVIDER_DERIVED_H
#define KS_PROVIDER_DERIVED_H

#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

struct derived {
	const char *base;            /* the directory of the provider that is inherited */
	const char *manifests;       /* the checkout's directory of add-ons */
	const char *images;          /* the value of [images] extra; "": none */
	const char *source;          /* the value of [kubernetes] source; "": the provider's */
	const char *cni;             /* the value of [network] cni; "": the provider's */
	const struct words *include; /* directories of inherited providers, see provider_load */
	char *const *files; /* N manifests, each of which becomes the add-on of its name without the extension */
	size_t n;
	/* Fails if the N bytes of TEXT, the contents of FILE, are not a manifest. */
	int (*check)(const char *file, const char *text, size_t n, struct err *e);
};

/*
 * Makes the derived provider in the directory OUT, which exists, unless it is there. DIR becomes its path (to be freed).
 * Returns 0, or -1: a file cannot be read or is not a manifest, its name cannot be an add-on's, there is an add-on of
 * this name, or the provider does not have what the source or pod network needs.
 */
int derived_make(const struct derived *d, const char *out, char **dir, struct err *e);

#endif
