#include "oci/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/words.h"
#include "oci/layout.h"

enum { BLOCK = 65536 };

/* Does TEXT begin with PREFIX? */
static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Does NAME begin with a registry (distribution/reference, splitDockerDomain)? */
static bool has_host(const char *name)
{
	size_t n = strcspn(name, "/");

	if (name[n] == '\0')
		return false;
	return strcspn(name, ".:") < n || (n == strlen("localhost") && begins(name, "localhost"));
}

/* PREFIX and NAME, and the tag latest if it has neither a tag nor a digest. Returns it (free it), or NULL. */
static char *tagged(const char *prefix, const char *name)
{
	const char *slash = strrchr(name, '/');
	bool has_tag = strpbrk(slash != NULL ? slash : name, ":@") != NULL;
	char *text;

	return asprintf(&text, "%s%s%s", prefix, name, has_tag ? "" : ":latest") >= 0 ? text : NULL;
}

char *source_full_name(const char *name)
{
	if (has_host(name))
		return tagged("", name);
	return tagged(strchr(name, '/') != NULL ? "docker.io/" : "docker.io/library/", name);
}

char *source_registry_name(const char *name)
{
	AUTO_FREE char *path = strdup(has_host(name) ? strchr(name, '/') + 1 : name);

	if (path == NULL)
		return NULL;
	path[strcspn(path, "@")] = '\0';
	return tagged("", path);
}

/* Adds the names of the images in INDEX, an index of a layout. Returns 0 or -1. */
static int add_index(struct words *names, const json_t *index, struct err *e)
{
	const json_t *desc;
	size_t i;

	json_array_foreach (json_object_get(index, "manifests"), i, desc)
		if (document_tag(desc) != NULL && words_add(names, document_tag(desc)) < 0)
			return err_no_memory(e);
	return 0;
}

/* Adds the names of the images in LIST, the manifest.json of "docker save". Returns 0 or -1. */
static int add_saved(struct words *names, const json_t *list, struct err *e)
{
	const json_t *image, *tag;
	size_t i, k;

	json_array_foreach (list, i, image)
		json_array_foreach (json_object_get(image, "RepoTags"), k, tag)
			if (json_is_string(tag) && words_add(names, json_string_value(tag)) < 0)
				return err_no_memory(e);
	return 0;
}

/* What a tar contains. */
struct contents {
	bool layout;
	json_t *index, *saved; /* index.json and manifest.json */
};

/* Reads the entry that IN is at. Returns a new reference, or NULL: it is not a JSON document. */
static json_t *read_json(struct archive *in, struct archive_entry *entry)
{
	int64_t size = archive_entry_size(entry);
	AUTO_FREE char *text = NULL;

	if (size <= 0 || size > OCI_MAX_JSON || (text = malloc((size_t)size)) == NULL)
		return NULL;
	if (archive_read_data(in, text, (size_t)size) != (la_ssize_t)size)
		return NULL;
	return json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
}

static void read_entry(struct contents *c, struct archive *in, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);

	if (path == NULL)
		return;
	if (strcmp(path, "manifest.json") == 0 && c->saved == NULL)
		c->saved = read_json(in, entry);
	path += begins(path, "./") ? 2 : 0;
	c->layout |= strcmp(path, "oci-layout") == 0;
	if (strcmp(path, "index.json") == 0 && c->index == NULL)
		c->index = read_json(in, entry);
}

/* Reads the tar PATH, compressed or not. What is not a tar has no contents. Returns 0 or -1. */
static int read_tar(struct contents *c, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct archive_entry *entry;
	struct archive *in;
	int rc;

	if (fd < 0)
		return err_sys(e, "%s", path);
	in = archive_read_new();
	if (in == NULL)
		return err_no_memory(e);
	(void)archive_read_support_filter_all(in);
	(void)archive_read_support_format_tar(in);
	if (archive_read_open_fd(in, fd, BLOCK) == ARCHIVE_OK)
		while ((rc = archive_read_next_header(in, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN)
			read_entry(c, in, entry);
	(void)archive_read_free(in);
	return 0;
}

/* Reports that IMAGE has several images. Returns -1. */
static int several(const struct words *names, const char *image, struct err *e)
{
	char list[sizeof e->msg];
	size_t i, n = 0;

	for (i = 0; i < names->n && n < sizeof list; i++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i > 0 ? ", " : "", names->v[i]);
	return err_set(e, "%s: it has several images; choose one: %s", image, list);
}

/* Sets S to the only image in NAMES. IMAGE is the user's name for it. Returns 0 or -1. */
static int only(
    struct source *s, struct words *names, const char *transport, const char *path, const char *image, struct err *e)
{
	words_sort(names);
	if (names->n == 0)
		return err_set(e, "%s: no image with a name", image);
	if (names->n > 1)
		return several(names, image, e);
	s->name = strdup(names->v[0]);
	if (asprintf(&s->src, "%s:%s:%s", transport, path, names->v[0]) < 0)
		s->src = NULL;
	return s->src != NULL && s->name != NULL ? 0 : err_no_memory(e);
}

static int find_in_tar(struct source *s, const char *path, const char *image, struct err *e)
{
	AUTO_WORDS struct words names = { 0 };
	struct contents c = { 0 };
	int rc = read_tar(&c, path, e);

	if (rc == 0 && c.layout)
		rc = add_index(&names, c.index, e);
	else if (rc == 0 && c.saved != NULL)
		rc = add_saved(&names, c.saved, e);
	else if (rc == 0)
		rc = err_set(e, "%s: neither a tar of docker save nor of an OCI layout", path);
	if (rc == 0)
		rc = only(s, &names, c.layout ? "oci-archive" : "docker-archive", path, image, e);
	json_decref(c.index);
	json_decref(c.saved);
	return rc;
}

/* Finds TAG, or the only image if it is NULL, in the layout DIR. */
static int find_in_layout(struct source *s, const char *dir, const char *tag, const char *image, struct err *e)
{
	AUTO_WORDS struct words names = { 0 };
	json_t *index = NULL;
	struct layout l;
	int rc;

	if (tag != NULL && *tag != '\0') {
		if (words_add(&names, tag) < 0)
			return err_no_memory(e);
		return only(s, &names, "oci", dir, image, e);
	}
	rc = layout_open(&l, dir, false, now_ms(), e);
	if (rc == 0)
		index = layout_index(&l, e);
	rc = index != NULL ? add_index(&names, index, e) : -1;
	json_decref(index);
	layout_close(&l);
	return rc == 0 ? only(s, &names, "oci", dir, image, e) : -1;
}

/* Finds an image in a file, a layout or an engine's storage. */
static int find_by_path(struct source *s, const char *path, const char *image, bool podman, struct err *e)
{
	AUTO_FREE char *dir = strdup(path);
	AUTO_FREE char *full = tagged("", path);
	const char *tag = NULL;
	struct stat st;

	if (dir == NULL || full == NULL)
		return err_no_memory(e);
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		return find_in_tar(s, path, image, e);
	if (layout_is(dir) || (tag = layout_split(dir)) != NULL)
		return find_in_layout(s, dir, tag, image, e);
	s->name = strdup(path);
	if (asprintf(&s->src, "%s:%s", podman ? "containers-storage" : "docker-daemon", podman ? path : full) < 0)
		s->src = NULL;
	return s->src != NULL && s->name != NULL ? 0 : err_no_memory(e);
}

/* Takes IMAGE as it is; its name begins at NAME. */
static int as_it_is(struct source *s, const char *image, const char *name, struct err *e)
{
	s->src = strdup(image);
	s->name = strdup(name);
	return s->src != NULL && s->name != NULL ? 0 : err_no_memory(e);
}

int source_find(struct source *s, const char *image, bool podman, struct err *e)
{
	/* Transports whose rest is a name, and those whose rest is a path and possibly a name. */
	static const char *const stores[] = { "containers-storage:", "docker-daemon:", "docker:" };
	static const char *const files[] = { "docker-archive:", "oci-archive:", "oci:" };
	const char *rest, *end;
	size_t i;

	for (i = 0; i < sizeof stores / sizeof *stores; i++) {
		if (!begins(image, stores[i]))
			continue;
		rest = image + strlen(stores[i]);
		rest += begins(rest, "//") ? 2 : 0;
		/* containers-storage may have "[options]" in front of the name. */
		end = *rest == '[' ? strchr(rest, ']') : NULL;
		return as_it_is(s, image, end != NULL ? end + 1 : rest, e);
	}
	for (i = 0; i < sizeof files / sizeof *files; i++) {
		if (!begins(image, files[i]))
			continue;
		rest = image + strlen(files[i]);
		end = strchr(rest, ':');
		return end != NULL ? as_it_is(s, image, end + 1, e) : find_by_path(s, rest, image, podman, e);
	}
	return find_by_path(s, image, image, podman, e);
}

void source_free(struct source *s)
{
	free(s->src);
	free(s->name);
	*s = (struct source){ 0 };
}
