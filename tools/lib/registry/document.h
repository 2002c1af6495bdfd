/* One document of a registry, or a request whose answer is one. */
#ifndef KS_REGISTRY_DOCUMENT_H
#define KS_REGISTRY_DOCUMENT_H

#include "registry/pool.h"
#include "base/sha256.h"

/* Start with zeros and the first members set. */
struct regdoc {
	struct regpool *p;
	const char *name;             /* in messages */
	const char *accept;           /* NULL: anything */
	const char *type;             /* of TEXT */
	char *text;                   /* what is sent; taken, and freed in any case. NULL: nothing, it is a GET */
	struct reghttp_answer answer; /* its status and text; freed by regdoc_free */
	struct regtask task_;
	const char *url_;
};

/*
 * GETs (or, with a text, PUTs to) the URL below /v2/. Any status below 500 that is no redirection is an answer. Returns
 * 0, -1 or REGPOOL_LATE; regdoc_free may be called whatever it returned.
 */
int regdoc_ask(struct regdoc *d, const char *url, struct err *e);
void regdoc_free(struct regdoc *d);

/* As a GET of regdoc_ask, and a status of 200 and the digest HEX (NULL: any) are wanted. */
int regdoc_get(struct regdoc *d, const char *url, const char *hex, struct err *e);

#endif
