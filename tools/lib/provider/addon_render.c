#include "provider/addon_render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "provider/addon.h"
#include "provider/lock.h"
#include "provider/template.h"

/* A and B, joined; to be freed. NULL: out of memory. */
static char *join(const char *a, const char *b)
{
	char *text = NULL;

	return asprintf(&text, "%s%s", a, b) < 0 ? NULL : text;
}

/* PATH becomes DIR/NAME+REST, to be freed; is it there? */
static int look(char **path, const char *dir, const char *name, const char *rest, bool *found)
{
	AUTO_FREE char *in = join(dir, "/");
	AUTO_FREE char *file = in != NULL ? join(in, name) : NULL;

	*path = file != NULL ? join(file, rest) : NULL;
	*found = *path != NULL && access(*path, F_OK) == 0;
	return *path != NULL ? 0 : -1;
}

static int find(struct addon *a, struct err *e)
{
	const struct words *dirs = &a->all->dirs;
	bool found;
	size_t i;

	for (i = 0; i < dirs->n; i++) {
		AUTO_FREE char *ini = NULL;
		AUTO_FREE char *file = NULL;

		if (look(&ini, dirs->v[i], a->name, "/addon.ini", &found) < 0)
			return err_no_memory(e);
		if (found)
			return look(&a->path, dirs->v[i], a->name, "", &found) < 0 ? err_no_memory(e) : 0;
		if (look(&file, dirs->v[i], a->name, ".yaml", &found) < 0)
			return err_no_memory(e);
		if (!found)
			continue;
		a->single = true;
		a->path = file;
		file = NULL;
		return 0;
	}
	return err_set(e, "no add-on '%s': neither manifests/%s/addon.ini nor manifests/%s.yaml exists", a->name,
	    a->name, a->name);
}

int addon_open(struct addon *a, const struct addons *all, const char *name, struct err *e)
{
	*a = (struct addon){ .all = all, .name = name };
	if (find(a, e) < 0)
		return -1;
	return a->single ? 0 : addon_load(&a->p, a->path, e);
}

void addon_close(struct addon *a)
{
	free(a->path);
	provider_free(&a->p);
	*a = (struct addon){ 0 };
}

const char *addon_get(const struct addon *a, const char *key)
{
	const char *value = a->single ? NULL : provider_get(&a->p, "addon", key);

	return value != NULL ? value : "";
}

static int visit(const struct addons *all, const char *name, struct words *open, struct words *order, struct err *e)
{
	AUTO_ADDON struct addon a = { 0 };
	AUTO_WORDS struct words needs = { 0 };
	size_t i;

	if (words_has(order, name))
		return 0;
	if (words_has(open, name))
		return err_set(e, "add-on %s: it depends on itself", name);
	if (addon_open(&a, all, name, e) < 0)
		return -1;
	if (words_add(open, name) < 0 || words_split(&needs, addon_get(&a, "needs")) < 0)
		return err_no_memory(e);
	for (i = 0; i < needs.n; i++)
		if (visit(all, needs.v[i], open, order, e) < 0)
			return -1;
	return words_add(order, name) < 0 ? err_no_memory(e) : 0;
}

int addon_needs(const struct addons *all, char *const *names, size_t n, struct words *order, struct err *e)
{
	AUTO_WORDS struct words open = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		if (visit(all, names[i], &open, order, e) < 0)
			return -1;
	return 0;
}

/*
 * The values in the section NAME, or in every section "NAME ..." if it ends with a space, sorted by section and key.
 * Ends with NULL; to be freed. NULL: out of memory.
 */
static const struct provider_value **section(const struct addon *a, const char *name)
{
	const struct provider_value **v = calloc(a->p.nvalues + 1, sizeof *v);
	size_t len = strlen(name), n = 0, i;
	bool all = len > 0 && name[len - 1] == ' ';

	for (i = 0; v != NULL && i < a->p.nvalues; i++)
		if (strncmp(a->p.values[i].section, name, len) == 0 && (all || a->p.values[i].section[len] == '\0'))
			v[n++] = &a->p.values[i];
	if (n > 0)
		qsort(v, n, sizeof *v, provider_value_order);
	return v;
}

int addon_fetched(const struct addon *a, struct words *files)
{
	AUTO_FREE const struct provider_value **v = section(a, "fetch ");
	size_t i;

	if (v == NULL)
		return -1;
	for (i = 0; v[i] != NULL; i++)
		if (words_add(files, v[i]->section + strlen("fetch ")) < 0)
			return -1;
	return 0;
}

/* A text that is changed in place of its earlier version. */
struct text {
	char *s;
	size_t n;
};

/* Replaces OLD, which is not empty, by NEW everywhere. Returns how often it was there, or -1: no memory. */
static long replace(struct text *t, const char *old, const char *new)
{
	const char *s = t->s, *end = t->s + t->n, *at;
	size_t len = strlen(old), n = 0;
	char *out = NULL;
	long times = 0;
	FILE *f;

	if (memmem(s, t->n, old, len) == NULL)
		return 0;
	f = open_memstream(&out, &n);
	if (f == NULL)
		return -1;
	while ((at = memmem(s, (size_t)(end - s), old, len)) != NULL) {
		(void)fwrite(s, 1, (size_t)(at - s), f);
		(void)fputs(new, f);
		s = at + len;
		times++;
	}
	(void)fwrite(s, 1, (size_t)(end - s), f);
	if (fclose(f) != 0) {
		free(out);
		return -1;
	}
	free(t->s);
	*t = (struct text){ .s = out, .n = n };
	return times;
}

static int copy_text(struct text *t, const char *in, size_t n)
{
	t->s = malloc(n + 1);
	if (t->s == NULL)
		return -1;
	(void)memcpy(t->s, in, n);
	t->s[n] = '\0';
	t->n = n;
	return 0;
}

/* The words of [values]: each in turn, so that what one stands for may contain those that sort after it. */
static int replace_values(const struct addon *a, struct text *t)
{
	AUTO_FREE const struct provider_value **v = section(a, "values");
	size_t i;

	if (v == NULL)
		return -1;
	for (i = 0; v[i] != NULL; i++) {
		AUTO_FREE char *begin = join("@", v[i]->key);
		AUTO_FREE char *word = begin != NULL ? join(begin, "@") : NULL;

		if (word == NULL || replace(t, word, v[i]->value) < 0)
			return -1;
	}
	return 0;
}

int addon_render(
    const struct addon *a, const char *name, const char *in, size_t n, char **out, size_t *out_n, struct err *e)
{
	struct text t = { 0 };
	int rc;

	if (copy_text(&t, in, n) < 0 || replace_values(a, &t) < 0)
		rc = err_no_memory(e);
	else
		rc = template_render(&a->all->values, name, t.s, t.n, out, out_n, e);
	free(t.s);
	return rc;
}

static int render_text(const struct addon *a, const char *text, char **out, struct err *e)
{
	size_t n;

	return addon_render(a, a->p.files.v[0], text, strlen(text), out, &n, e);
}

int addon_render_value(const struct addon *a, const char *section_name, const char *key, char **out, struct err *e)
{
	const char *value = provider_get(&a->p, section_name, key);

	return render_text(a, value != NULL ? value : "", out, e);
}

int addon_url(const struct addon *a, const char *file, char **url, struct err *e)
{
	AUTO_FREE char *fetch = join("fetch ", file);

	return fetch == NULL ? err_no_memory(e) : addon_render_value(a, fetch, "url", url, e);
}

static int lock_path(const struct addon *a, char **path, bool *found)
{
	return look(path, a->path, "lock.ini", "", found);
}

static int unlocked(const struct addon *a, struct err *e)
{
	return err_set(e,
	    "add-on %s: it has no lock.ini, which pins what it downloads; create it once, with network access: "
	    "make pin ADDON=%s",
	    a->name, a->name);
}

int addon_lock(const struct addon *a, char **lock, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_WORDS struct words files = { 0 };
	bool found;

	*lock = NULL;
	if (a->single)
		return 0;
	if (lock_path(a, &path, &found) < 0 || addon_fetched(a, &files) < 0)
		return err_no_memory(e);
	if (found) {
		*lock = path;
		path = NULL;
		return 0;
	}
	return files.n > 0 || *addon_get(a, "images") != '\0' ? unlocked(a, e) : 0;
}

int addon_pinned(const struct addon *a, const char *file, char **url, char hex[SHA256_HEX], struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *in_lock = join("file ", file);
	AUTO_FREE char *from = NULL;
	AUTO_LOCK struct lock lock = { 0 };
	const char *at, *digest;
	bool found;

	if (lock_path(a, &path, &found) < 0 || in_lock == NULL)
		return err_no_memory(e);
	if (!found)
		return unlocked(a, e);
	if (addon_url(a, file, &from, e) < 0 || lock_read(&lock, path, e) < 0)
		return -1;
	at = lock_get(&lock, in_lock, "url");
	digest = lock_get(&lock, in_lock, "sha256");
	if (at == NULL || digest == NULL || strcmp(at, from) != 0)
		return err_set(e, "%s: it does not pin %s; run: make pin ADDON=%s", path, from, a->name);
	if (!sha256_is_hex(digest))
		return err_set(e, "%s: [%s]: sha256 is not 64 hexadecimal digits", path, in_lock);
	(void)memcpy(hex, digest, SHA256_HEX);
	*url = from;
	from = NULL;
	return 0;
}

/* One line OLD => NEW of [replace FILE]. */
static int replace_one(const struct addon *a, const char *file, const char *line, struct text *t, struct err *e)
{
	const char *const arrow = strstr(line, " => ");
	AUTO_FREE char *old = NULL;
	AUTO_FREE char *new = NULL;
	long times;

	/* addon_load has refused any other form. */
	if (arrow == NULL)
		return err_set(e, "add-on %s: [replace %s]: not OLD => NEW", a->name, file);
	old = strndup(line, (size_t)(arrow - line));
	if (old == NULL)
		return err_no_memory(e);
	if (render_text(a, arrow + strlen(" => "), &new, e) < 0)
		return -1;
	times = replace(t, old, new);
	if (times < 0)
		return err_no_memory(e);
	return times > 0 ? 0 : err_set(e, "add-on %s: '%s' is not in %s", a->name, old, file);
}

int addon_replace(
    const struct addon *a, const char *file, const char *in, size_t n, char **out, size_t *out_n, struct err *e)
{
	AUTO_FREE const struct provider_value **v = NULL;
	AUTO_FREE char *name = join("replace ", file);
	struct text t = { 0 };
	int rc = 0;
	size_t i;

	if (name != NULL)
		v = section(a, name);
	if (v == NULL || copy_text(&t, in, n) < 0)
		rc = err_no_memory(e);
	for (i = 0; rc == 0 && v[i] != NULL; i++)
		rc = replace_one(a, file, v[i]->value, &t, e);
	if (rc < 0) {
		free(t.s);
		return -1;
	}
	*out = t.s;
	*out_n = t.n;
	return 0;
}
