#include "oci/tree.h"

#include <errno.h>
#include <fnmatch.h>
#include <fts.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Adds an item; PATH and SRC (may be NULL) are copied. Returns 0 or -1. */
static int add(struct tree *t, const char *path, const char *src, const struct stat *st, struct err *e)
{
	struct tree_item *v, *i;

	if (t->n == t->room_) {
		t->room_ = t->room_ == 0 ? 64 : 2 * t->room_;
		v = reallocarray(t->v, t->room_, sizeof *v);
		if (v == NULL)
			return err_no_memory(e);
		t->v = v;
	}
	i = &t->v[t->n];
	*i = (struct tree_item){ .path = strdup(path), .src = src != NULL ? strdup(src) : NULL, .st = *st };
	t->n++;
	if (i->path == NULL || (src != NULL && i->src == NULL))
		return err_no_memory(e);
	return 0;
}

/* Adds the parent directories of PATH, and if WHOLE PATH itself, as directories without a source. Returns 0 or -1. */
static int add_parents(struct tree *t, const char *path, bool whole, struct err *e)
{
	static const struct stat parent = { .st_mode = S_IFDIR | 0755 };
	AUTO_FREE char *p = strdup(path);
	char *slash;

	if (p == NULL)
		return err_no_memory(e);
	for (slash = strchr(p, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (add(t, p, NULL, &parent, e) < 0)
			return -1;
		*slash = '/';
	}
	return whole && *p != '\0' ? add(t, p, NULL, &parent, e) : 0;
}

static bool excluded(const char *path, char *const *exclude, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fnmatch(exclude[i], path, 0) == 0)
			return true;
	return false;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_item *)a)->path, ((const struct tree_item *)b)->path);
}

static int by_file(const void *a, const void *b)
{
	const struct stat *x = &((const struct tree_item *)a)->st, *y = &((const struct tree_item *)b)->st;

	if (x->st_dev != y->st_dev)
		return x->st_dev < y->st_dev ? -1 : 1;
	return (x->st_ino > y->st_ino) - (x->st_ino < y->st_ino);
}

static void no_free(void *item)
{
	(void)item;
}

/* Sorts the items and finds hard links: the first name has the contents, the others refer to it. Returns 0 or -1. */
static int settle(struct tree *t, struct err *e)
{
	void *files = NULL;
	struct tree_item *i;
	int rc = 0;

	if (t->n > 0)
		qsort(t->v, t->n, sizeof *t->v, by_path);
	for (i = t->v; i < t->v + t->n && rc == 0; i++) {
		struct tree_item **first;

		if (!S_ISREG(i->st.st_mode) || i->st.st_nlink < 2)
			continue;
		first = tsearch(i, &files, by_file);
		if (first == NULL)
			rc = err_no_memory(e);
		else if (*first != i)
			i->same = *first;
	}
	tdestroy(files, no_free);
	return rc;
}

/* Adds an entry found by fts(3); REL is its path relative to the tree. Returns 0 or -1. */
static int visit(
    struct tree *t, const FTSENT *f, const char *rel, const char *prefix, struct words *skipped, struct err *e)
{
	AUTO_FREE char *path = NULL;

	switch (f->fts_info) {
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		errno = f->fts_errno;
		return err_sys(e, "%s", f->fts_path);
	case FTS_DC:
		return err_set(e, "%s: directory loop", f->fts_path);
	default:
		break;
	}
	if (S_ISSOCK(f->fts_statp->st_mode))
		return words_add(skipped, f->fts_path) < 0 ? err_no_memory(e) : 0;
	if (asprintf(&path, "%s%s%s", prefix, *prefix != '\0' ? "/" : "", rel) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	return add(t, path, f->fts_path, f->fts_statp, e);
}

int tree_read(struct tree *t, const char *dir, const char *prefix, char *const *exclude, size_t nexclude,
    struct words *skipped, struct err *e)
{
	AUTO_FREE char *root = NULL;
	char *roots[2] = { NULL, NULL };
	FTS *fts;
	FTSENT *f;
	int rc;

	/* With "/." appended the root may be a symbolic link, and must be a directory. */
	if (asprintf(&root, "%s/.", dir) < 0) {
		root = NULL;
		return err_no_memory(e);
	}
	roots[0] = root;
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (fts == NULL)
		return err_sys(e, "%s", dir);
	rc = add_parents(t, prefix, true, e);
	while (rc == 0 && (errno = 0, f = fts_read(fts)) != NULL) {
		if (f->fts_level == FTS_ROOTLEVEL && f->fts_info == FTS_NS) {
			errno = f->fts_errno;
			rc = err_sys(e, "%s", dir);
			continue;
		}
		if (f->fts_info == FTS_DP || (f->fts_level == FTS_ROOTLEVEL && f->fts_info == FTS_D))
			continue;
		if (f->fts_level > 0 && excluded(f->fts_path + strlen(root) + 1, exclude, nexclude)) {
			(void)fts_set(fts, f, FTS_SKIP);
			continue;
		}
		rc = visit(t, f, f->fts_level > 0 ? f->fts_path + strlen(root) + 1 : "", prefix, skipped, e);
	}
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "%s", dir);
	(void)fts_close(fts);
	return rc < 0 ? -1 : settle(t, e);
}

int tree_file(struct tree *t, const char *src, const char *path, struct err *e)
{
	struct stat st;

	if (stat(src, &st) < 0)
		return err_sys(e, "%s", src);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: not a regular file", src);
	if (add_parents(t, path, false, e) < 0 || add(t, path, src, &st, e) < 0)
		return -1;
	return settle(t, e);
}

char *tree_path(const char *path)
{
	char *to = malloc(strlen(path) + 1);
	size_t n = 0, len;

	if (to == NULL)
		return NULL;
	for (; *path != '\0'; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0) {
			free(to);
			return NULL;
		}
		if (len == 0 || (len == 1 && *path == '.'))
			continue;
		if (n > 0)
			to[n++] = '/';
		(void)memcpy(to + n, path, len);
		n += len;
	}
	to[n] = '\0';
	return to;
}

void tree_free(struct tree *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		free(t->v[i].path);
		free(t->v[i].src);
	}
	free(t->v);
	*t = (struct tree){ 0 };
}
