/* The provider.ini of a provider, for another version of Kubernetes. */
#ifndef KS_PROVIDER_NEW_VERSION_H
#define KS_PROVIDER_NEW_VERSION_H

#include <stdio.h>

#include "provider/provider.h"

struct new_version {
	const struct provider *from;
	const char *version; /* MAJOR.MINOR.PATCH */
	const char *table;   /* the path of mk/kubernetes-versions.ini; NULL: none */
	const char
	    *inherit; /* the name of FROM, to make a provider that inherits it; NULL: to change its own provider.ini */
};

/*
 * Writes the new provider.ini to F: with the version, which is also replaced in the description and in the comment at
 * the top; and, for another minor version, with the values that the table has for it, of keys that FROM sets; not the
 * [images] of a provider with source = go. All else stays as it is. Returns 0, or -1: FROM has no version, or a file cannot be read.
 */
int new_version(FILE *f, const struct new_version *v, struct err *e);

#endif
