/* A directory tree as the sorted list of the entries of an archive. The contents of files are not read. */
#ifndef KS_OCI_TREE_H
#define KS_OCI_TREE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/words.h"

struct tree_item {
	char *path; /* in the archive: relative, without "." and ".." */
	char *src;  /* the file; NULL: a parent directory with mode 0755 and owner 0:0 */
	struct stat st;
	const struct tree_item *same; /* the earlier item that this one is a hard link to, or NULL */
};

/* Initialize to zero. */
struct tree {
	struct tree_item *v; /* sorted by the bytes of their paths, so that a directory precedes its contents */
	size_t n, room_;
};

/*
 * Adds everything below DIR as PREFIX/... (PREFIX: "" or as tree_path makes it), and PREFIX and its parents as
 * directories without a source. What matches one of the NEXCLUDE fnmatch(3) patterns is left out with everything below
 * it; the patterns apply to paths relative to DIR, and their "*" matches "/" too. Sockets are left out and their names
 * added to SKIPPED. Returns 0 or -1.
 */
int tree_read(struct tree *t, const char *dir, const char *prefix, char *const *exclude, size_t nexclude,
    struct words *skipped, struct err *e);

/* Adds the regular file SRC (a symbolic link is followed) as PATH, and its parent directories. Returns 0 or -1. */
int tree_file(struct tree *t, const char *src, const char *path, struct err *e);

/*
 * The canonical form of a path in an archive: without leading and trailing "/", and without "." and empty components;
 * the root is "". Returns it (free it), or NULL if PATH contains "..", or out of memory.
 */
char *tree_path(const char *path);

void tree_free(struct tree *t);

#endif
