/* A directory tree as a sorted list of what an archive of it holds; contents are not read. */
#ifndef KS_OCI_TREE_H
#define KS_OCI_TREE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/words.h"

struct tree_item {
	char *path; /* its name in the archive: relative, no "." or ".." in it */
	char *src;  /* where it is now; NULL: a directory that is made up, 0755 and nobody's own */
	struct stat st;
	const struct tree_item *same; /* an earlier item that is the same file (a hard link), or NULL */
};

/* Start with zeros. */
struct tree {
	struct tree_item *v; /* sorted by the bytes of their paths: a directory is before what is in it */
	size_t n, room_;
};

/*
 * Adds all that is below DIR, named PREFIX/... (PREFIX: "" or as tree_path makes it); PREFIX and its parents become
 * made-up directories. Whatever matches one of the NEXCLUDE fnmatch(3) patterns, which are compared with paths
 * relative to DIR and whose "*" matches "/" too, is left out with all that is below it. Sockets are left out and
 * added to SKIPPED. Returns 0 or -1.
 */
int tree_read(struct tree *t, const char *dir, const char *prefix, char *const *exclude, size_t nexclude,
    struct words *skipped, struct err *e);

/* Adds the regular file SRC (a symbolic link is followed) under the name PATH, and made-up parents. Returns 0 or -1. */
int tree_file(struct tree *t, const char *src, const char *path, struct err *e);

/*
 * Brings a path of an archive into its one form, without "/" at its ends and without "." or empty components; the
 * root is "". Returns it (free it), or NULL when ".." is in it or memory is out.
 */
char *tree_path(const char *path);

void tree_free(struct tree *t);

#endif
