#include "oci/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/flock.h"
#include "base/num.h"
#include "base/readfile.h"
#include "base/words.h"

/* The list of unfinished files in base/output is not safe for threads. */
static pthread_mutex_t out_mutex = PTHREAD_MUTEX_INITIALIZER;

char *layout_path(const struct layout *l, const char *a, const char *b, struct err *e)
{
	char *p;

	if (asprintf(&p, "%s/%s%s%s", l->dir, a, *b != '\0' ? "/" : "", b) >= 0)
		return p;
	(void)err_no_memory(e);
	return NULL;
}

/* Locks FD by flock(2), within the deadline. Returns 0, -1 or LAYOUT_LATE. */
static int lock(const struct layout *l, int fd, int how, struct err *e)
{
	int rc = flock_until(fd, how, l->deadline, e);

	if (rc > 0) {
		(void)err_set(e, "%s: another process has it locked", l->dir);
		return LAYOUT_LATE;
	}
	return rc < 0 ? err_prefix(e, "%s", l->dir) : 0;
}

/* Writes the file NAME of the layout atomically. Returns 0 or -1. */
static int write_file(const struct layout *l, const char *name, const char *text, struct err *e)
{
	AUTO_FREE char *path = layout_path(l, name, "", e);
	struct out o;

	if (path == NULL || out_open(&o, path, 0666, e) < 0)
		return -1;
	(void)fputs(text, o.f);
	return out_commit(&o, e);
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	bool empty = d != NULL;

	while (d != NULL && (f = readdir(d)) != NULL)
		if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
			empty = false;
	if (d != NULL)
		(void)closedir(d);
	return empty;
}

/* Makes the directory an empty layout unless it is a layout. The index comes last: a layout with one is complete. */
static int create_layout(struct layout *l, struct err *e)
{
	AUTO_FREE char *index = layout_path(l, "index.json", "", e);
	AUTO_FREE char *mark = layout_path(l, "oci-layout", "", e);
	AUTO_FREE char *blobs = layout_path(l, "blobs", "", e);
	AUTO_FREE char *sha256 = layout_path(l, LAYOUT_BLOBS, "", e);
	int rc;

	if (index == NULL || mark == NULL || blobs == NULL || sha256 == NULL)
		return -1;
	/* If two processes create the layout, the second one waits here, and then finds it. */
	if ((rc = lock(l, l->index_lock, LOCK_EX, e)) < 0)
		return rc;
	if (access(mark, F_OK) < 0 && !is_empty(l->dir))
		return err_set(e, "%s: neither empty nor an OCI layout", l->dir);
	if (access(mark, F_OK) < 0 && write_file(l, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", e) < 0)
		return -1;
	if ((mkdir(blobs, 0777) < 0 && errno != EEXIST) || (mkdir(sha256, 0777) < 0 && errno != EEXIST))
		return err_sys(e, "%s", sha256);
	if (access(index, F_OK) < 0 && write_file(l, "index.json", "{\"manifests\":[],\"schemaVersion\":2}", e) < 0)
		return -1;
	return flock(l->index_lock, LOCK_UN) == 0 ? 0 : err_sys(e, "%s: unlock", l->dir);
}

int layout_open(struct layout *l, const char *dir, bool create, int64_t deadline, struct err *e)
{
	AUTO_FREE char *blobs = NULL;
	int rc;

	*l = (struct layout){ .dir = strdup(dir), .deadline = deadline, .index_lock = -1, .blobs_lock = -1 };
	if (l->dir == NULL)
		return err_no_memory(e);
	if (create && mkdir(dir, 0777) < 0 && errno != EEXIST)
		return err_sys(e, "%s", dir);
	l->index_lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->index_lock < 0)
		return err_sys(e, "%s", dir);
	if (create && (rc = create_layout(l, e)) < 0)
		return rc;
	if ((blobs = layout_path(l, LAYOUT_BLOBS, "", e)) == NULL)
		return -1;
	l->blobs_lock = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->blobs_lock >= 0 ? 0 : err_sys(e, "%s", blobs);
}

void layout_close(struct layout *l)
{
	if (l->index_lock >= 0)
		(void)close(l->index_lock);
	if (l->blobs_lock >= 0)
		(void)close(l->blobs_lock);
	free(l->dir);
	*l = (struct layout){ .index_lock = -1, .blobs_lock = -1 };
}

bool layout_is(const char *dir)
{
	AUTO_FREE char *mark = NULL;

	if (asprintf(&mark, "%s/oci-layout", dir) >= 0)
		return access(mark, F_OK) == 0;
	mark = NULL;
	return false;
}

char *layout_split(char *text)
{
	char *colon;

	/* Both the directory and the tag may have colons in them. */
	for (colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		*colon = '\0';
		if (layout_is(text))
			return colon + 1;
		*colon = ':';
	}
	return NULL;
}

int layout_open_from(struct layout *from, const char **tag, int64_t deadline, struct err *e)
{
	AUTO_FREE char *dir = strdup(*tag);
	const char *rest;
	int rc;

	*from = (struct layout){ .index_lock = -1, .blobs_lock = -1 };
	if (dir == NULL)
		return err_no_memory(e);
	rest = layout_split(dir);
	if (rest == NULL)
		return 0;
	*tag += rest - dir;
	rc = layout_open(from, dir, false, deadline, e);
	return rc == 0 ? layout_hold_blobs(from, e) : rc;
}

int layout_hold_blobs(struct layout *l, struct err *e)
{
	return lock(l, l->blobs_lock, LOCK_SH, e);
}

int layout_blob_begin(struct layout *l, struct out *o, struct err *e)
{
	static unsigned count;
	char name[32];
	AUTO_FREE char *path = NULL;
	int rc;

	(void)pthread_mutex_lock(&out_mutex);
	(void)snprintf(name, sizeof name, "%s%u", LAYOUT_TEMP, count++);
	path = layout_path(l, name, "", e);
	rc = path != NULL ? out_open(o, path, 0666, e) : -1;
	(void)pthread_mutex_unlock(&out_mutex);
	return rc;
}

int layout_blob_end(struct layout *l, struct out *o, const char *hex, struct err *e)
{
	char *path = layout_path(l, LAYOUT_BLOBS, hex, e);
	int rc = -1;

	(void)pthread_mutex_lock(&out_mutex);
	if (path != NULL) {
		/* The digest, and so the name, is known only now. */
		free(o->path);
		o->path = path;
		rc = out_commit(o, e);
	} else {
		out_abort(o);
	}
	(void)pthread_mutex_unlock(&out_mutex);
	return rc;
}

void layout_blob_abort(struct out *o)
{
	(void)pthread_mutex_lock(&out_mutex);
	out_abort(o);
	(void)pthread_mutex_unlock(&out_mutex);
}

/* Copies the file PATH to a blob, which gets its name only if its digest is correct. Returns 0 or -1. */
static int copy_blob(struct layout *l, const char *path, const struct document_desc *d, struct err *e)
{
	AUTO_FCLOSE FILE *from = fopen(path, "re");
	struct sha256 *sum = sha256_new();
	char hex[SHA256_HEX], buf[65536];
	struct out o;
	size_t n;
	int rc = 0;

	if (from == NULL || sum == NULL || layout_blob_begin(l, &o, e) < 0) {
		sha256_free(sum);
		return from == NULL ? err_sys(e, "%s", path) : sum == NULL ? err_no_memory(e) : -1;
	}
	while (rc == 0 && (n = fread(buf, 1, sizeof buf, from)) > 0) {
		if (sha256_add(sum, buf, n) < 0)
			rc = err_set(e, "cannot compute the digest");
		else if (fwrite(buf, 1, n, o.f) != n)
			rc = err_sys(e, "%s", l->dir);
	}
	if (rc == 0 && ferror(from))
		rc = err_sys(e, "%s", path);
	if (sha256_end(sum, hex) < 0 && rc == 0)
		rc = err_set(e, "cannot compute the digest");
	if (rc == 0 && strcmp(hex, d->hex) != 0)
		rc = err_set(e, "%s: contents do not match the digest", path);
	if (rc == 0)
		return layout_blob_end(l, &o, hex, e);
	layout_blob_abort(&o);
	return -1;
}

int layout_import(struct layout *l, const struct layout *from, const struct document_desc *d, struct err *e)
{
	AUTO_FREE char *src = layout_path(from, LAYOUT_BLOBS, d->hex, e);
	AUTO_FREE char *dst = layout_path(l, LAYOUT_BLOBS, d->hex, e);
	struct stat st;

	if (src == NULL || dst == NULL)
		return -1;
	if (stat(src, &st) < 0)
		return err_sys(e, "%s", src);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != d->size)
		return err_set(e, "%s: size does not match the image's descriptor", src);
	if (link(src, dst) == 0 || errno == EEXIST)
		return 0;
	return copy_blob(l, src, d, e);
}

int layout_put_text(struct layout *l, const char *text, size_t n, char hex[SHA256_HEX], struct err *e)
{
	struct out o;

	if (n > OCI_MAX_JSON)
		return err_set(e, "the image's JSON document is larger than %u bytes", OCI_MAX_JSON);
	if (sha256_hex(text, n, hex) < 0)
		return err_set(e, "cannot compute the digest");
	if (layout_blob_begin(l, &o, e) < 0)
		return -1;
	(void)fwrite(text, 1, n, o.f);
	return layout_blob_end(l, &o, hex, e);
}

int layout_put(struct layout *l, const json_t *json, char hex[SHA256_HEX], uint64_t *size, struct err *e)
{
	AUTO_FREE char *text = document_dump(json);

	if (text == NULL)
		return err_no_memory(e);
	*size = strlen(text);
	return layout_put_text(l, text, *size, hex, e);
}

char *layout_text(const struct layout *l, const struct document_desc *d, size_t *n, struct err *e)
{
	AUTO_FREE char *path = layout_path(l, LAYOUT_BLOBS, d->hex, e);
	char hex[SHA256_HEX], *text;

	if (path == NULL || read_file(path, OCI_MAX_JSON, &text, n, e) < 0)
		return NULL;
	if (sha256_hex(text, *n, hex) == 0 && *n == d->size && strcmp(hex, d->hex) == 0)
		return text;
	(void)err_set(e, "%s: contents do not match the digest", path);
	free(text);
	return NULL;
}

json_t *layout_get(const struct layout *l, const struct document_desc *d,
    json_t *(*parse)(const char *, size_t, struct err *), struct err *e)
{
	size_t n = 0;
	AUTO_FREE char *text = layout_text(l, d, &n, e);
	json_t *j = text != NULL ? parse(text, n, e) : NULL;

	if (text != NULL && j == NULL)
		(void)err_prefix(e, "%s/" LAYOUT_BLOBS "/%s", l->dir, d->hex);
	return j;
}

json_t *layout_index(const struct layout *l, struct err *e)
{
	AUTO_FREE char *path = layout_path(l, "index.json", "", e);
	AUTO_FREE char *text = NULL;
	size_t n = 0;
	json_t *j;

	if (path == NULL || read_file(path, OCI_MAX_JSON, &text, &n, e) < 0)
		return NULL;
	j = document_parse_index(text, n, e);
	if (j == NULL)
		(void)err_prefix(e, "%s", path);
	return j;
}

json_t *layout_find(const struct layout *l, const char *tag, struct err *e)
{
	json_t *index = layout_index(l, e);
	json_t *found = json_incref(document_find(index, tag));

	if (index != NULL && found == NULL)
		(void)err_set(e, "%s: no image '%s'", l->dir, tag);
	json_decref(index);
	return found;
}

int layout_tag(struct layout *l, const char *tag, json_t *desc, struct err *e)
{
	AUTO_FREE char *text = NULL;
	json_t *index;
	int rc = lock(l, l->index_lock, LOCK_EX, e);

	if (rc < 0 || (index = layout_index(l, e)) == NULL) {
		json_decref(desc);
		return rc < 0 ? rc : -1;
	}
	if (document_set(index, tag, desc) < 0 || (text = document_dump(index)) == NULL)
		rc = err_no_memory(e);
	else
		rc = write_file(l, "index.json", text, e);
	json_decref(index);
	(void)flock(l->index_lock, LOCK_UN);
	return rc;
}

/* The blobs that are needed, found by following descriptors from document to document. */
struct needed {
	const struct layout *l;
	struct words blobs;
	struct err *e;
};

static json_t *parse_any(const char *text, size_t n, struct err *e)
{
	json_error_t why;
	json_t *j = json_loadb(text, n, 0, &why);

	if (j == NULL)
		(void)err_set(e, "line %d: %s", why.line, why.text);
	return j;
}

/* Are there descriptors in it? Manifests and indexes: "...manifest.v1+json", "...manifest.list.v2+json". */
static bool refers(const char *media)
{
	return strstr(media, ".manifest.") != NULL || strstr(media, ".index.") != NULL;
}

static int need(const struct document_desc *d, void *arg)
{
	struct needed *w = arg;
	json_t *j;
	int rc;

	if (words_has(&w->blobs, d->hex))
		return 0;
	if (words_add(&w->blobs, d->hex) < 0)
		return err_no_memory(w->e);
	if (!refers(d->media))
		return 0;
	j = layout_get(w->l, d, parse_any, w->e);
	if (j == NULL)
		return -1;
	/* A subject may be absent (image-spec, manifest.md), and a reference to it does not keep it. */
	(void)json_object_del(j, "subject");
	rc = document_each_desc(j, need, w);
	json_decref(j);
	return rc;
}

/* Removes the files in DIR whose names begin with HEAD, unless they are needed. Returns 0 or -1. */
static int sweep(const char *dir, const char *head, const struct words *needed, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	int rc = 0;

	if (d == NULL)
		return err_sys(e, "%s", dir);
	while (rc == 0 && (f = readdir(d)) != NULL) {
		if (f->d_name[0] == '.' || strncmp(f->d_name, head, strlen(head)) != 0 || words_has(needed, f->d_name))
			continue;
		if (unlinkat(dirfd(d), f->d_name, 0) < 0)
			rc = err_sys(e, "%s/%s", dir, f->d_name);
	}
	(void)closedir(d);
	return rc;
}

int layout_prune(struct layout *l, struct err *e)
{
	struct needed w = { .l = l, .e = e };
	AUTO_FREE char *blobs = layout_path(l, LAYOUT_BLOBS, "", e);
	json_t *index;
	int rc = blobs != NULL ? lock(l, l->blobs_lock, LOCK_EX, e) : -1;

	if (rc < 0 || (rc = lock(l, l->index_lock, LOCK_EX, e)) < 0)
		return rc;
	index = layout_index(l, e);
	rc = index != NULL ? document_each_desc(index, need, &w) : -1;
	json_decref(index);
	if (rc == 0)
		rc = sweep(blobs, "", &w.blobs, e);
	if (rc == 0)
		rc = sweep(l->dir, LAYOUT_TEMP, &w.blobs, e);
	words_free(&w.blobs);
	(void)flock(l->index_lock, LOCK_UN);
	(void)flock(l->blobs_lock, LOCK_UN);
	return rc;
}
