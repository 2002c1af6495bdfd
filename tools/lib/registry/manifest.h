/*
 * The small documents of a registry (manifests, indexes and configurations): one by itself, or all of an image's
 * manifests, in either direction (distribution-spec, "Pulling manifests" and "Pushing Manifests").
 */
#ifndef KS_REGISTRY_MANIFEST_H
#define KS_REGISTRY_MANIFEST_H

#include "base/sha256.h"
#include "registry/image.h"
#include "registry/queue.h"

/* Initialize to zero and set the first members. */
struct regmanifest {
	struct regqueue *q;
	const char *name;             /* in messages */
	const char *accept;           /* media types; NULL: any */
	const char *type;             /* of TEXT */
	char *text;                   /* to be sent with PUT; taken, and freed in any case. NULL: GET */
	struct reghttp_answer answer; /* freed by regmanifest_free */
	struct regtask task_;
	const char *url_;
};

/*
 * GETs, or with a text PUTs, the URL below /v2/. Any status below 500 that is no redirection is an answer. Returns 0,
 * -1 or REGQUEUE_LATE; regmanifest_free may be called whatever it returned.
 */
int regmanifest_ask(struct regmanifest *d, const char *url, struct err *e);
void regmanifest_free(struct regmanifest *d);

/* Like a GET of regmanifest_ask, but anything other than status 200 and the digest HEX (NULL: any) is an error. */
int regmanifest_get(struct regmanifest *d, const char *url, const char *hex, struct err *e);

/* The manifests of an image that are pulled. Initialize to zero and set all but IMAGE. */
struct regmanifest_pull {
	struct regqueue *q;
	const char *repo;
	struct layout *l; /* manifests that it has are not requested */
	bool keep;        /* store the others there */
	bool lenient;     /* leave out manifests that are invalid or missing, and all below them */
	struct regimage image;
};

/* The registry has no such image, or (lenient) none that can be used. */
#define REGMANIFEST_NONE (-3)

/*
 * Gets the manifests of the image REFERENCE, a tag or "sha256:HEX", and sets IMAGE, to be freed by the caller. NAME is
 * the image's in messages. Returns 0, -1, REGQUEUE_LATE or REGMANIFEST_NONE.
 */
int regmanifest_pull(struct regmanifest_pull *m, const char *reference, const char *name, struct err *e);

/* The manifests of an image that are pushed, after its blobs. Initialize to zero and set the first members. */
struct regmanifest_push {
	struct regqueue *q;
	const char *repo;
	const struct layout *l;
	const struct regimage *image;
	const char *tag;                   /* for the image */
	const char *name;                  /* the image's in messages */
	const struct regimage_list *known; /* manifests that the registry has; NULL: unknown */
	/* Results. */
	bool missing;          /* it failed because the registry lacks a blob or manifest */
	struct words unlisted; /* digests of manifests with a subject that the registry does not list as referrers */
};

/* Pushes from the bottom up, so that the tag names the image last. Returns 0, -1 or REGQUEUE_LATE. */
int regmanifest_push(struct regmanifest_push *m, struct err *e);

#endif
