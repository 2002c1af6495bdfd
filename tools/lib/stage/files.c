#include "stage/files.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "base/utf8.h"

/* The search for the files that one name stands for. */
struct search {
	struct words *lines;
	struct words *found; /* the paths of the files */
	struct words seen;   /* the paths found so far, as in their lines */
	const char *root;    /* the directory being searched */
	bool all;            /* a file hides none of the same path */
};

/* Files that editors leave behind do not count. */
static bool is_leftover(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

	return fnmatch("*~", name, 0) == 0 || fnmatch(".*.swp", name, 0) == 0 || fnmatch("#*#", name, 0) == 0;
}

static int sha256_link(const char *path, char hex[SHA256_HEX], struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target);
	struct sha256 *s;

	if (n < 0)
		return err_sys(e, "%s", path);
	s = sha256_new();
	if (s == NULL)
		return err_no_memory(e);
	if (sha256_add(s, target, (size_t)n) < 0) {
		sha256_free(s);
		return err_set(e, "%s: sha256 failed", path);
	}
	return sha256_end(s, hex) < 0 ? err_set(e, "%s: sha256 failed", path) : 0;
}

static int add_entry(struct search *s, const char *rel, struct err *e);

static int is_entry(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int add_directory(struct search *s, const char *path, const char *rel, struct err *e)
{
	struct dirent **found = NULL;
	AUTO_WORDS struct words inner = { 0 };
	int i, n, rc = 0;
	size_t k;

	n = scandir(path, &found, is_entry, NULL);
	if (n < 0)
		return err_sys(e, "%s", path);
	for (i = 0; i < n; i++) {
		if (rc == 0 && words_addf(&inner, "%s/%s", rel, found[i]->d_name) < 0)
			rc = err_no_memory(e);
		free(found[i]);
	}
	free(found);
	for (k = 0; k < inner.n && rc == 0; k++)
		rc = add_entry(s, inner.v[k], e);
	return rc;
}

/* Adds the line of REL. If that path was found before, "inherited/" precedes it, as often as it takes. */
static int add_line(struct search *s, const char *rel, const char *hex, const char *mark, struct err *e)
{
	AUTO_FREE char *name = strdup(rel);
	char *longer;

	while (name != NULL && words_has(&s->seen, name)) {
		if (asprintf(&longer, "inherited/%s", name) < 0)
			return err_no_memory(e);
		free(name);
		name = longer;
	}
	if (name == NULL || words_add(&s->seen, name) < 0 || words_addf(s->lines, "file %s %s%s", name, hex, mark) < 0)
		return err_no_memory(e);
	return 0;
}

/* Adds the lines of REL, a path in the root. */
static int add_entry(struct search *s, const char *rel, struct err *e)
{
	AUTO_FREE char *path = NULL;
	char hex[SHA256_HEX];
	struct stat st;

	if (is_leftover(rel))
		return 0;
	if (asprintf(&path, "%s/%s", s->root, rel) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	if (lstat(path, &st) < 0)
		return err_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode))
		return add_directory(s, path, rel, e);
	if (!s->all && words_has(&s->seen, rel))
		return 0;
	if (!utf8_is_line(rel))
		return err_set(
		    e, "a file in %s has a control character or bytes that are not UTF-8 in its name", s->root);
	if (S_ISLNK(st.st_mode))
		return sha256_link(path, hex, e) < 0 ? -1 : add_line(s, rel, hex, " l", e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: neither a file, a directory nor a symbolic link", path);
	if (sha256_file(path, hex, NULL, e) < 0)
		return -1;
	if (words_add(s->found, path) < 0)
		return err_no_memory(e);
	return add_line(s, rel, hex, (st.st_mode & S_IXUSR) != 0 ? " x" : "", e);
}

/* "ROOT/NAME" as a pattern in which only NAME has wildcards; the caller frees it. NULL: out of memory. */
static char *pattern_in(const char *root, const char *name)
{
	char *pattern = malloc(2 * strlen(root) + strlen(name) + 2), *p = pattern;

	if (pattern == NULL)
		return NULL;
	for (; *root != '\0'; root++) {
		if (strchr("*?[]{},\\", *root) != NULL)
			*p++ = '\\';
		*p++ = *root;
	}
	*p++ = '/';
	(void)strcpy(p, name);
	return pattern;
}

/* A missing directory is not an error, one that cannot be read is. */
static int glob_error(const char *path, int number)
{
	(void)path;
	return number != ENOENT && number != ENOTDIR;
}

static int search_in(struct search *s, const char *root, const char *name, struct err *e)
{
	AUTO_FREE char *pattern = pattern_in(root, name);
	glob_t found = { 0 };
	size_t i;
	int rc;

	if (pattern == NULL)
		return err_no_memory(e);
	s->root = root;
	rc = glob(pattern, GLOB_BRACE, glob_error, &found);
	if (rc != 0 && rc != GLOB_NOMATCH)
		rc = rc == GLOB_NOSPACE ? err_no_memory(e) : err_set(e, "%s: a directory cannot be read", pattern);
	else
		rc = 0;
	for (i = 0; i < found.gl_pathc && rc == 0; i++)
		rc = add_entry(s, found.gl_pathv[i] + strlen(root) + 1, e);
	globfree(&found);
	return rc;
}

static int search_all(struct search *s, const struct words *dirs, const char *top, const char *name, struct err *e)
{
	size_t i;

	for (i = 0; i < dirs->n && *name != '/'; i++)
		if (search_in(s, dirs->v[i], name, e) < 0)
			return -1;
	if (s->seen.n == 0 && search_in(s, top, name + strspn(name, "/"), e) < 0)
		return -1;
	return 0;
}

/* Is NAME a path whose components are names: not empty, and none of them "." or ".."? */
static bool is_plain(const char *name)
{
	size_t len;

	name += strspn(name, "/");
	if (*name == '\0')
		return false;
	for (; *name != '\0'; name += len + strspn(name + len, "/")) {
		len = strcspn(name, "/");
		if (strncmp(name, "..", len) == 0)
			return false;
	}
	return true;
}

int stagefiles_add(struct words *lines, struct words *found, const struct words *dirs, const char *top,
    const char *name, struct err *e)
{
	struct search s = { .lines = lines, .found = found };
	size_t signs = strspn(name, STAGEFILES_SIGNS), len = strlen(name) - signs;
	bool optional = memchr(name, '-', signs) != NULL;
	AUTO_FREE char *clean = strdup(name + signs);
	int rc;

	s.all = memchr(name, '+', signs) != NULL;
	name += signs;
	if (clean == NULL)
		return err_no_memory(e);
	if (!is_plain(name))
		return err_set(e, "'%s': must be a path or a pattern without . and ..", name);
	for (; len > 1 && clean[len - 1] == '/'; len--)
		clean[len - 1] = '\0';
	rc = search_all(&s, dirs, top, clean, e);
	if (rc == 0 && s.seen.n == 0 && !optional)
		rc = err_set(e, "'%s' matches no file", clean);
	words_free(&s.seen);
	return rc;
}
