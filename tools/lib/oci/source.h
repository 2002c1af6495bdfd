/* A local image as a user names it: where skopeo(1) finds it, and its name elsewhere. */
#ifndef KS_OCI_SOURCE_H
#define KS_OCI_SOURCE_H

#include <stdbool.h>

#include "base/err.h"

/* Initialize to zero. */
struct source {
	char *src;  /* for skopeo: TRANSPORT:... */
	char *name; /* the image's own name */
};

/*
 * Finds IMAGE: a source of skopeo, a tar of "docker save" or of an OCI layout, an OCI layout (DIR or DIR:TAG), or a
 * name in the storage of podman or else of Docker. Files and layouts must contain exactly one image with a name unless
 * TAG chooses one. Returns 0 or -1. Call source_free in both cases.
 */
int source_find(struct source *s, const char *image, bool podman, struct err *e);
void source_free(struct source *s);

/* NAME as container runtimes complete it: with a registry and a tag. Returns it (free it), or NULL if out of memory. */
char *source_full_name(const char *name);

/* NAME in another registry: without a host and a digest, but with a tag. Returns it (free it), or NULL likewise. */
char *source_registry_name(const char *name);

#endif
