#include "provider/addon_pins.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf.h"
#include "base/sha256.h"
#include "provider/template.h"

/* Adds the images of the add-on's lock, if it has one. */
static int add_images(const struct addon *a, struct words *lines, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_LOCK struct lock l = { 0 };
	const char *name;
	size_t i;

	if (addon_lock(a, &path, e) < 0 || (path != NULL && lock_read(&l, path, e) < 0))
		return -1;
	for (i = 0; i < l.n; i++) {
		if (strncmp(l.v[i].section, "image ", 6) != 0 || strcmp(l.v[i].key, "digest") != 0)
			continue;
		name = lock_get(&l, l.v[i].section, "name");
		if (name != NULL && words_addf(lines, "%s\t%s", name, l.v[i].value) < 0)
			return err_no_memory(e);
	}
	return 0;
}

static int add_extra(const struct addons *all, struct words *lines, struct err *e)
{
	AUTO_FREE char *text = template_value(&all->values, "images_extra");
	AUTO_WORDS struct words images = { 0 };
	size_t i;

	if (text == NULL || words_split(&images, text) < 0)
		return err_no_memory(e);
	for (i = 0; i < images.n; i++) {
		const char *image = images.v[i], *at = strstr(image, "@sha256:");

		if (at == NULL || at == image || sha256_parse(at + 1) == NULL)
			return err_set(e, "[images] extra: %s: has no digest; write NAME:TAG@sha256:...", image);
		if (words_addf(lines, "%.*s\t%s", (int)(at - image), image, at + 1) < 0)
			return err_no_memory(e);
	}
	return 0;
}

int addon_pins(const struct addons *all, char *const *names, size_t n, struct words *lines, struct err *e)
{
	AUTO_WORDS struct words order = { 0 };
	size_t i;

	if (addon_needs(all, names, n, &order, e) < 0)
		return -1;
	for (i = 0; i < order.n; i++) {
		AUTO_ADDON struct addon a = { 0 };

		if (addon_open(&a, all, order.v[i], e) < 0 || add_images(&a, lines, e) < 0)
			return -1;
	}
	words_sort(lines);
	return add_extra(all, lines, e);
}

static int pin_file(const struct addon *a, struct lock *l, const char *name, const char *digest, struct err *e)
{
	AUTO_FREE char *section = NULL;
	AUTO_FREE char *url = NULL;

	if (asprintf(&section, "file %s", name) < 0) {
		section = NULL;
		return err_no_memory(e);
	}
	if (addon_url(a, name, &url, e) < 0)
		return -1;
	return lock_add(l, section, "url", url, e) < 0 ? -1 : lock_add(l, section, "sha256", digest, e);
}

int addon_pin(struct lock *l, const char *name, const char *digest, const void *addon, struct err *e)
{
	const struct addon *a = addon;
	const char *base = strrchr(name, '/');
	AUTO_WORDS struct words files = { 0 };
	AUTO_FREE char *section = NULL;
	char hash[SHA256_HEX];

	if (addon_fetched(a, &files) < 0)
		return err_no_memory(e);
	if (words_has(&files, name))
		return pin_file(a, l, name, digest, e);
	if (sha256_hex(name, strlen(name), hash) < 0)
		return err_no_memory(e);
	base = base != NULL ? base + 1 : name;
	if (asprintf(&section, "image %.*s-%.6s", (int)strcspn(base, ":@"), base, hash) < 0) {
		section = NULL;
		return err_no_memory(e);
	}
	return lock_add(l, section, "name", name, e) < 0 ? -1 : lock_add(l, section, "digest", digest, e);
}

/* The names of the packed add-ons, with spaces between them. NULL: out of memory. */
static char *all_packed(const char *dir)
{
	AUTO_FREE char *pattern = NULL;
	char *names = NULL, *name;
	glob_t found;
	size_t n, i;
	FILE *f;

	if (asprintf(&pattern, "%s/*/conf", dir) < 0) {
		pattern = NULL;
		return NULL;
	}
	f = open_memstream(&names, &n);
	if (f == NULL)
		return NULL;
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (i = 0; i < found.gl_pathc; i++) {
			name = found.gl_pathv[i] + strlen(dir) + 1;
			(void)fprintf(f, " %.*s", (int)strcspn(name, "/"), name);
		}
		globfree(&found);
	}
	if (fclose(f) == 0)
		return names;
	free(names);
	return NULL;
}

static int not_packed(const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *names = all_packed(dir);

	if (names == NULL)
		return err_no_memory(e);
	return err_set(e,
	    "WITH=%s: the image does not include this add-on; it includes:%s. To include it, name it in [addons] "
	    "include of provider.ini and provision again.",
	    name, *names != '\0' ? names : " none");
}

static int visit(const char *dir, const char *name, struct words *open, struct words *order, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CONF struct conf conf = { 0 };
	AUTO_WORDS struct words list = { 0 };
	const struct conf_line *needs;
	size_t i;

	if (words_has(open, name))
		return 0;
	if (asprintf(&path, "%s/%s/conf", dir, name) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	if (access(path, F_OK) < 0)
		return not_packed(dir, name, e);
	if (conf_load(&conf, path, e) < 0)
		return -1;
	needs = conf_find(&conf, "addon_needs");
	if (words_add(open, name) < 0 || (needs != NULL && words_split(&list, needs->value) < 0))
		return err_no_memory(e);
	for (i = 0; i < list.n; i++)
		if (visit(dir, list.v[i], open, order, e) < 0)
			return -1;
	return words_add(order, name) < 0 ? err_no_memory(e) : 0;
}

int addon_packed(const char *dir, char *const *names, size_t n, struct words *order, struct err *e)
{
	AUTO_WORDS struct words open = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		if (visit(dir, names[i], &open, order, e) < 0)
			return -1;
	return 0;
}
