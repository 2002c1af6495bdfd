#include "provider/derived.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/output.h"
#include "base/readfile.h"
#include "base/sha256.h"
#include "base/unfinished.h"
#include "base/words.h"
#include "provider/provider.h"

/* The number of the digest's digits in the directory's name: as many as a run's name has of its key. */
enum { DIGITS = 16 };

/* A file of the derived provider. */
struct content {
	char *path; /* in its directory */
	char *text;
	size_t n;
};

/* What a derived provider consists of: the manifests, and provider.ini. */
struct contents {
	struct words names; /* of the add-ons that the manifests become */
	struct content *v;
	size_t n;
};

static void contents_free(struct contents *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].text);
	}
	free(c->v);
	words_free(&c->names);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool is_name(const char *name)
{
	return isalnum((unsigned char)*name) &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

/* Is there an add-on NAME in the directory DIR/SUB? Returns 1, 0, or -1 when out of memory. */
static int has_addon(const char *dir, const char *sub, const char *name)
{
	AUTO_WORDS struct words paths = { 0 };

	if (words_addf(&paths, "%s%s/%s", dir, sub, name) < 0 || words_addf(&paths, "%s%s/%s.yaml", dir, sub, name) < 0)
		return -1;
	return access(paths.v[0], F_OK) == 0 || access(paths.v[1], F_OK) == 0;
}

/* Adds the name of the add-on that FILE becomes. */
static int add_name(struct words *names, const struct derived *d, const char *file, struct err *e)
{
	AUTO_FREE char *name = strdup(base_name(file));
	int in_checkout, in_provider;
	struct stat st;
	char *dot;

	if (name == NULL)
		return err_no_memory(e);
	if (stat(file, &st) < 0 || !S_ISREG(st.st_mode) || access(file, R_OK) < 0)
		return err_set(e, "MANIFESTS: %s: not a readable file", file);
	dot = strrchr(name, '.');
	if (dot != NULL)
		*dot = '\0';
	if (!is_name(name))
		return err_set(e, "MANIFESTS: %s: the name may contain only letters, digits, '.', '_' and '-'", file);
	in_checkout = has_addon(d->manifests, "", name);
	in_provider = has_addon(d->base, "/manifests", name);
	if (in_checkout > 0 || in_provider > 0)
		return err_set(e, "MANIFESTS: %s: an add-on '%s' already exists; rename the file", file, name);
	if (words_has(names, name))
		return err_set(e, "MANIFESTS: two files are named %s", name);
	return in_checkout < 0 || in_provider < 0 || words_add(names, name) < 0 ? err_no_memory(e) : 0;
}

/* Adds the manifest FILE. */
static int add_manifest(struct contents *c, const struct derived *d, const char *file, struct err *e)
{
	struct content *new = &c->v[c->n];

	if (add_name(&c->names, d, file, e) < 0 || read_file(file, READ_FILE_MAX, &new->text, &new->n, e) < 0)
		return -1;
	c->n++;
	if (asprintf(&new->path, "manifests/%s.yaml", c->names.v[c->names.n - 1]) < 0) {
		new->path = NULL;
		return err_no_memory(e);
	}
	return d->check(file, new->text, new->n, e);
}

/* Can the provider P, whose name is NAME, take Kubernetes from SOURCE? */
static int check_source(const struct provider *p, const char *name, const char *source, struct err *e)
{
	const char *own = provider_get(p, "kubernetes", "source"), *modules = provider_get(p, "go", "modules");

	if (own == NULL)
		return err_set(e, "SOURCE=%s: %s has no Kubernetes", source, name);
	if (strcmp(own, source) == 0)
		return 0;
	if (strcmp(source, "go") == 0 && (modules == NULL || *modules == '\0'))
		return err_set(e, "SOURCE=go: %s has no [go] modules: it takes Kubernetes from %s", name, own);
	if (strcmp(source, "upstream") == 0 && provider_get(p, "upstream", "repository") == NULL)
		return err_set(
		    e, "SOURCE=upstream: %s has no [upstream] repository: it takes Kubernetes from %s", name, own);
	return 0;
}

/* Does the provider have what the values that replace its own need? */
static int check_values(const struct derived *d, struct err *e)
{
	AUTO_PROVIDER struct provider p = { 0 };
	const char *name = base_name(d->base);

	if (*d->source == '\0' && *d->cni == '\0')
		return 0;
	if (provider_load(&p, d->base, d->include, e) < 0)
		return -1;
	if (*d->source != '\0' && check_source(&p, name, d->source, e) < 0)
		return -1;
	if (*d->cni != '\0' && provider_get(&p, "network", "cni") == NULL)
		return err_set(e, "CNI=%s: %s has no pod network", d->cni, name);
	return 0;
}

static void put_value(FILE *f, const char *section, const char *key, const char *value)
{
	if (*value != '\0')
		(void)fprintf(f, "\n[%s]\n%s = %s\n", section, key, value);
}

static void put_list(FILE *f, const char *section, const char *key, const struct words *list)
{
	size_t i;

	if (list->n == 0)
		return;
	(void)fprintf(f, "\n[%s]\n%s +=\n", section, key);
	for (i = 0; i < list->n; i++)
		(void)fprintf(f, "  %s\n", list->v[i]);
}

static int add_ini(struct contents *c, const struct derived *d, struct err *e)
{
	AUTO_WORDS struct words images = { 0 };
	struct content *new = &c->v[c->n];
	FILE *f;

	f = words_split(&images, d->images) < 0 ? NULL : open_memstream(&new->text, &new->n);
	if (f == NULL)
		return err_no_memory(e);
	c->n++;
	(void)fprintf(f, "[provider]\ninherit = %s\n", base_name(d->base));
	put_value(f, "kubernetes", "source", d->source);
	put_value(f, "network", "cni", d->cni);
	put_list(f, "manifests", "apply", &c->names);
	put_list(f, "images", "extra", &images);
	new->path = strdup("provider.ini");
	return fclose(f) == 0 && new->path != NULL ? 0 : err_no_memory(e);
}

static int digest_of(const struct contents *c, char hex[SHA256_HEX])
{
	struct sha256 *s = sha256_new();
	size_t i;

	for (i = 0; s != NULL && i < c->n; i++)
		/* The NUL too, so that no two sequences of files are the same. */
		if (sha256_add(s, c->v[i].text, c->v[i].n + 1) < 0) {
			sha256_free(s);
			return -1;
		}
	return s == NULL ? -1 : sha256_end(s, hex);
}

static int write_content(const char *dir, const struct content *c, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct out o;

	if (asprintf(&path, "%s/%s", dir, c->path) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	if (out_open(&o, path, 0666, e) < 0)
		return -1;
	(void)fwrite(c->text, 1, c->n, o.f);
	return out_commit(&o, e);
}

/* Makes the directory DIR as a whole. */
static int make_dir(const char *dir, const struct contents *c, struct err *e)
{
	AUTO_WORDS struct words paths = { 0 };
	size_t i;
	int rc = 0;

	if (words_addf(&paths, "%s.tmp.%ld", dir, (long)getpid()) < 0 ||
	    words_addf(&paths, "%s/manifests", paths.v[0]) < 0)
		return err_no_memory(e);
	/* In this order: a signal removes the files in a directory, and it, but no directories in it. */
	if (unfinished_add(paths.v[1]) < 0 || unfinished_add(paths.v[0]) < 0 || mkdir(paths.v[0], 0777) < 0 ||
	    mkdir(paths.v[1], 0777) < 0)
		rc = err_sys(e, "%s", paths.v[0]);
	for (i = 0; rc == 0 && i < c->n; i++)
		rc = write_content(paths.v[0], &c->v[i], e);
	/* Another process may have made it meanwhile: it is the same. */
	if (rc == 0 && rename(paths.v[0], dir) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		rc = err_sys(e, "%s", dir);
	(void)unfinished_remove_dir(paths.v[1]);
	(void)unfinished_remove_dir(paths.v[0]);
	unfinished_drop(paths.v[1]);
	unfinished_drop(paths.v[0]);
	return rc;
}

static int make(const struct derived *d, struct contents *c, const char *out, char **dir, struct err *e)
{
	char hex[SHA256_HEX];
	size_t i;

	if (check_values(d, e) < 0)
		return -1;
	c->v = calloc(d->n + 1, sizeof *c->v);
	if (c->v == NULL)
		return err_no_memory(e);
	for (i = 0; i < d->n; i++)
		if (add_manifest(c, d, d->files[i], e) < 0)
			return -1;
	if (add_ini(c, d, e) < 0)
		return -1;
	if (digest_of(c, hex) < 0 || asprintf(dir, "%s/derived.%.*s", out, DIGITS, hex) < 0) {
		*dir = NULL;
		return err_no_memory(e);
	}
	return access(*dir, F_OK) == 0 ? 0 : make_dir(*dir, c, e);
}

int derived_make(const struct derived *d, const char *out, char **dir, struct err *e)
{
	struct contents c = { 0 };
	int rc;

	*dir = NULL;
	rc = make(d, &c, out, dir, e);
	contents_free(&c);
	return rc;
}
