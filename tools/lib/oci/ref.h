/* Image references: REGISTRY/REPOSITORY[:TAG][@DIGEST] (distribution-spec, spec.md, "Pulling manifests"). */
#ifndef KS_OCI_REF_H
#define KS_OCI_REF_H

#include "base/err.h"

struct ref {
	char *host; /* HOST or HOST:PORT; IPv6 addresses are in brackets */
	char *repo;
	char *tag; /* or NULL */
	char *hex; /* the hexadecimal digits of the digest, or NULL */
};

/*
 * Parses TEXT, whose first component is always the registry. Returns 0 or -1. Call ref_free in both cases.
 */
int ref_parse(struct ref *r, const char *text, struct err *e);
void ref_free(struct ref *r);

/*
 * Splits "LAYOUT[:TAG]" at the colon before which there is an existing layout, or else at the first colon. TAG then
 * points into TEXT; without a tag it is NULL. Returns LAYOUT (free it), or NULL if out of memory.
 */
char *ref_layout(const char *text, const char **tag);

#endif
