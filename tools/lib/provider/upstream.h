/*
 * Kubernetes from upstream: the files and images that a provider with [kubernetes] source = upstream downloads, what
 * its lock must contain, and whether the node can run this Kubernetes.
 */
#ifndef KS_PROVIDER_UPSTREAM_H
#define KS_PROVIDER_UPSTREAM_H

#include "provider/lock.h"

/* Where files are downloaded from. NULL or "": from upstream itself. */
struct upstream_mirrors {
	const char *kubernetes, *cri_tools;
};

struct upstream_file {
	const char *name;
	const char *key; /* in the lock: "path", below the mirror of Kubernetes, or "url" */
	char *value;     /* of this key */
	char *url;       /* at the mirror */
};

/* Initialize to zero. */
struct upstream {
	const char *provider;
	const struct words *values;
	struct upstream_file files[4];
	size_t nfiles;
	struct words images; /* the names of the images of kubeadm's cluster */
	struct words
	    conformance; /* those of the conformance tests, their own first; none if [conformance] images is not set */
};

/*
 * Reads the settings VALUES (of template_define; they must outlive U) of PROVIDER. Returns 0, or -1: a setting that is
 * needed is not set, or an image of the conformance tests is not HOST/NAME:TAG.
 */
int upstream_load(struct upstream *u, const char *provider, const struct words *values,
    const struct upstream_mirrors *mirrors, struct err *e);

/* Returns 0, or -1: the node's system cannot run this Kubernetes, or its kubeadm does not accept our configuration. */
int upstream_supported(const struct upstream *u, struct err *e);

/* Adds the names of all images that the lock must have to NAMES, each once. Returns 0, or -1 when out of memory. */
int upstream_pinned(const struct upstream *u, struct words *names);

/* Compares the images that kubeadm names with those that the provider declares. Returns 0, or -1: they differ. */
int upstream_wanted(const struct upstream *u, const struct words *kubeadm, struct err *e);

/* Returns 0, or -1: the lock L, whose path is PATH, is not complete, or is for another version or other images. */
int upstream_fits(const struct upstream *u, const struct lock *l, const char *path, struct err *e);

/* Begins a lock: adds the version to L. Returns 0 or -1. */
int upstream_begin(const struct upstream *u, struct lock *l, struct err *e);

/*
 * Adds the section of a file of the struct upstream U (NAME is one of FILES; DIGEST is its SHA-256) or of an image to L
 * (a lock_digest_fn). Returns 0 or -1.
 */
int upstream_add(struct lock *l, const char *name, const char *digest, const void *u, struct err *e);

/*
 * The name of IMAGE at its mirror (to be freed; NULL: out of memory); of one with a digest, without its tag. MIRRORS is
 * a list of HOST=PLACE, a PLACE (host[:port]/path) for each registry, and one PLACE for all others.
 */
char *upstream_image_source(const char *mirrors, const char *image);

void upstream_free(struct upstream *u);

#define AUTO_UPSTREAM __attribute__((cleanup(upstream_free)))

#endif
