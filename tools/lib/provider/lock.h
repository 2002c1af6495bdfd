/*
 * Lock files: the digests that `make pin` found for the files and images that are downloaded. INI files in a form
 * that suits git:
 *
 *   [file kubeadm]
 *   path = v1.22.17/bin/linux/amd64/kubeadm
 *   sha256 = 64 hexadecimal digits
 *
 *   [image kube-apiserver]
 *   name = k8s.gcr.io/kube-apiserver:v1.22.17
 *   digest = sha256:64 hexadecimal digits
 *
 * The syntax is strict: a line is empty, a comment that begins with ";", "[KIND]" or "[KIND NAME]", or "key = value".
 */
#ifndef KS_PROVIDER_LOCK_H
#define KS_PROVIDER_LOCK_H

#include <stdio.h>

#include "base/err.h"
#include "base/words.h"

struct lock_value {
	char *section, *key, *value; /* section: "KIND" or "KIND NAME" */
};

/* Initialize to zero. */
struct lock {
	struct lock_value *v; /* in the file's order */
	size_t n;
};

/*
 * Adds the values in the N bytes of TEXT to L, which is empty. Returns 0, or -1 with "FILE:LINE: what" in E: a line of
 * another form, a section or key that appears twice, a value before any section; L is then empty.
 */
int lock_parse(struct lock *l, const char *text, size_t n, const char *file, struct err *e);

/* The same for the file PATH. */
int lock_read(struct lock *l, const char *path, struct err *e);

/* Adds a value. Returns 0, or -1: no lock file can hold it, or it is there already. */
int lock_add(struct lock *l, const char *section, const char *key, const char *value, struct err *e);

/* The value, or NULL. */
const char *lock_get(const struct lock *l, const char *section, const char *key);

/* Adds the NAME of each section [KIND NAME] to NAMES, in the file's order. Returns 0, or -1 when out of memory. */
int lock_names(const struct lock *l, const char *kind, struct words *names);

/* The digest of the image NAME, from a section [image ...] with this name; NULL: there is none. */
const char *lock_digest(const struct lock *l, const char *name);

/*
 * Writes L as a lock file: COMMENT (unless NULL) as the first line, then the sections in the order in which they first
 * appear, an empty line before each but a [lock] at the top. Errors stay in F (ferror).
 */
void lock_write(FILE *f, const struct lock *l, const char *comment);

/* Writes the file PATH: complete, or not at all. Returns 0 or -1. */
int lock_save(const struct lock *l, const char *path, const char *comment, struct err *e);

/* Adds what DIGEST of NAME means to L. Returns 0 or -1. */
typedef int lock_digest_fn(struct lock *l, const char *name, const char *digest, const void *arg, struct err *e);

/* Reads lines NAME<tab>DIGEST from FD, standard input, and calls ADD with each. Returns 0, or -1 with the line in E. */
int lock_read_digests(struct lock *l, int fd, lock_digest_fn *add, const void *arg, struct err *e);

void lock_free(struct lock *l);

#define AUTO_LOCK __attribute__((cleanup(lock_free)))

#endif
