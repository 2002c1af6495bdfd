/* Image references: REGISTRY/REPO[:TAG][@DIGEST], as the distribution-spec names things (spec.md, "Pulling manifests").
 */
#ifndef KS_OCI_REF_H
#define KS_OCI_REF_H

#include "base/err.h"

struct ref {
	char *host; /* HOST or HOST:PORT; IPv6 addresses are in brackets */
	char *repo;
	char *tag; /* NULL: none was given */
	char *hex; /* the digits of a SHA-256, or NULL */
};

/*
 * Parses TEXT. Its first component is always the registry. Returns 0, or -1 with the reason; ref_free may be called
 * whatever it returned.
 */
int ref_parse(struct ref *r, const char *text, struct err *e);
void ref_free(struct ref *r);

/*
 * Splits "LAYOUT[:TAG]" into a copy of LAYOUT (free it) and TAG, which points into TEXT or is NULL. Where a prefix of
 * it is a layout that is there, that decides; else the first colon does. Returns it, or NULL when out of memory.
 */
char *ref_layout(const char *text, const char **tag);

#endif
