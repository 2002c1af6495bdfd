/* The documents of a layout: reading them, writing them, and what follows from them: which blobs are needed. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/layout.h"
#include "base/words.h"

int layout_put_text(struct layout *l, const char *text, size_t n, char hex[SHA256_HEX], struct err *e)
{
	struct out o;

	if (n > OCI_MAX_JSON)
		return err_set(e, "the image's description is too long");
	if (sha256_hex(text, n, hex) < 0)
		return err_set(e, "the digest failed");
	if (layout_blob_begin(l, &o, e) < 0)
		return -1;
	(void)fwrite(text, 1, n, o.f);
	return layout_blob_end(l, &o, hex, e);
}

int layout_put(struct layout *l, const json_t *json, char hex[SHA256_HEX], uint64_t *size, struct err *e)
{
	AUTO_FREE char *text = oci_dump(json);

	if (text == NULL)
		return err_no_memory(e);
	*size = strlen(text);
	return layout_put_text(l, text, *size, hex, e);
}

/* Reads a whole file of at most OCI_MAX_JSON bytes. Returns it (free it), or NULL. */
static char *slurp(const char *path, size_t *n, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	struct stat st;
	char *text;

	if (f == NULL || fstat(fileno(f), &st) < 0) {
		(void)err_sys(e, "%s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)OCI_MAX_JSON) {
		(void)err_set(e, "%s: not a document of an image", path);
		return NULL;
	}
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL) {
		(void)err_set(e, "%s: out of memory", path);
		return NULL;
	}
	*n = fread(text, 1, (size_t)st.st_size, f);
	if (ferror(f)) {
		(void)err_sys(e, "%s", path);
		free(text);
		return NULL;
	}
	return text;
}

char *layout_text(const struct layout *l, const struct oci_desc *d, size_t *n, struct err *e)
{
	AUTO_FREE char *path = layout_path(l, LAYOUT_BLOBS, d->hex, e);
	char hex[SHA256_HEX], *text;

	if (path == NULL || (text = slurp(path, n, e)) == NULL)
		return NULL;
	if (sha256_hex(text, *n, hex) == 0 && *n == d->size && strcmp(hex, d->hex) == 0)
		return text;
	(void)err_set(e, "%s: its contents are not what its name says", path);
	free(text);
	return NULL;
}

json_t *layout_get(const struct layout *l, const struct oci_desc *d,
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

	if (path == NULL || (text = slurp(path, &n, e)) == NULL)
		return NULL;
	j = oci_parse_index(text, n, e);
	if (j == NULL)
		(void)err_prefix(e, "%s", path);
	return j;
}

int layout_tag(struct layout *l, const char *tag, json_t *desc, struct err *e)
{
	AUTO_FREE char *text = NULL;
	json_t *index;
	int rc = layout_lock(l, l->index_lock, LOCK_EX, e);

	if (rc < 0 || (index = layout_index(l, e)) == NULL) {
		json_decref(desc);
		return rc < 0 ? rc : -1;
	}
	if (oci_set(index, tag, desc) < 0 || (text = oci_dump(index)) == NULL)
		rc = err_no_memory(e);
	else
		rc = layout_write(l, "index.json", text, e);
	json_decref(index);
	(void)flock(l->index_lock, LOCK_UN);
	return rc;
}

/* The blobs that are needed, found by following documents. */
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

/* Manifests and indexes of every kind refer to further blobs: "...manifest.v1+json", "...manifest.list.v2+json". */
static bool refers(const char *media)
{
	return strstr(media, ".manifest.") != NULL || strstr(media, ".index.") != NULL;
}

static int need(const struct oci_desc *d, void *arg)
{
	struct needed *w = arg;
	json_t *j;
	int rc;

	if (words_has(&w->blobs, d->hex))
		return 0;
	if (words_add(&w->blobs, d->hex) < 0)
		return err_set(w->e, "out of memory");
	if (!refers(d->media))
		return 0;
	j = layout_get(w->l, d, parse_any, w->e);
	if (j == NULL)
		return -1;
	/* A subject may be missing (image-spec, manifest.md), and who refers to it does not keep it. */
	(void)json_object_del(j, "subject");
	rc = oci_each_desc(j, need, w);
	json_decref(j);
	return rc;
}

/* Removes the files of DIR whose names begin with HEAD and that are not needed. */
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
	int rc = blobs != NULL ? layout_lock(l, l->blobs_lock, LOCK_EX, e) : -1;

	if (rc < 0 || (rc = layout_lock(l, l->index_lock, LOCK_EX, e)) < 0)
		return rc;
	index = layout_index(l, e);
	rc = index != NULL ? oci_each_desc(index, need, &w) : -1;
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
