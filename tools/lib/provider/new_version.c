#include "provider/new_version.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/readfile.h"
#include "provider/ini.h"
#include "provider/ini_edit.h"

/* The file as it is changed. */
struct draft {
	const struct new_version *v;
	const char *old;  /* version */
	int old_len, len; /* of MAJOR.MINOR in both versions */
	char *text;
};

/* How long MAJOR.MINOR is in VERSION. */
static int minor_len(const char *version)
{
	const char *dot = strrchr(version, '.');

	return dot != NULL ? (int)(dot - version) : (int)strlen(version);
}

/* Replaces the N bytes at AT of *TEXT by WITH. */
static int put(char **text, const char *at, size_t n, const char *with, size_t with_n)
{
	char *out = NULL;

	if (asprintf(&out, "%.*s%.*s%s", (int)(at - *text), *text, (int)with_n, with, at + n) < 0)
		return -1;
	free(*text);
	*text = out;
	return 0;
}

/* "1.30" in "Kubernetes 1.30 from upstream", but not in "Kubernetes 1.30.2" or "Kubernetes 1.301". NULL: not there. */
static const char *find_minor(const struct draft *d, const char *text)
{
	static const char name[] = "Kubernetes ";
	const char *s;

	for (s = text; (s = strstr(s, name)) != NULL;) {
		s += strlen(name);
		if (strncmp(s, d->old, (size_t)d->old_len) == 0 && !isdigit((unsigned char)s[d->old_len]) &&
		    !(s[d->old_len] == '.' && isdigit((unsigned char)s[d->old_len + 1])))
			return s;
	}
	return NULL;
}

/* Replaces the version, or else MAJOR.MINOR, in a line. */
static int replace_version(const struct draft *d, char **line)
{
	const char *at = strstr(*line, d->old);

	if (at != NULL && put(line, at, strlen(d->old), d->v->version, strlen(d->v->version)) < 0)
		return -1;
	at = find_minor(d, *line);
	return at != NULL ? put(line, at, (size_t)d->old_len, d->v->version, (size_t)d->len) : 0;
}

/* The comment at the top. */
static int replace_comment(struct draft *d)
{
	size_t at = 0;

	while (d->text[at] != '\0' && d->text[at] != '[') {
		size_t n = strcspn(d->text + at, "\n");
		AUTO_FREE char *line = strndup(d->text + at, n);

		if (line == NULL)
			return -1;
		if (*line == ';' &&
		    (replace_version(d, &line) < 0 || put(&d->text, d->text + at, n, line, strlen(line)) < 0))
			return -1;
		at += strcspn(d->text + at, "\n");
		at += d->text[at] == '\n';
	}
	return 0;
}

static int set(struct draft *d, const char *section, const char *key, const char *value)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	if (f != NULL)
		ini_edit(f, d->text, strlen(d->text), section, key, value);
	if (f == NULL || fclose(f) != 0) {
		free(out);
		return -1;
	}
	free(d->text);
	d->text = out;
	return 0;
}

/* Are the images made from Go modules? Then the sources of kubeadm name them, and the table does not. */
static bool has_own_images(const struct provider *p)
{
	const char *source = provider_get(p, "kubernetes", "source");

	return source != NULL && strcmp(source, "go") == 0;
}

/* A line "SECTION.KEY = VALUE" of the table. A key that the provider does not set is not set here. */
static int take_value(const struct iniline *l, void *arg, struct err *e)
{
	struct draft *d = arg;
	AUTO_FREE char *section = NULL;
	const char *had;
	char *dot;

	if (strlen(l->section) != (size_t)d->len || strncmp(l->section, d->v->version, (size_t)d->len) != 0)
		return 0;
	section = strdup(l->key);
	if (section == NULL)
		return err_no_memory(e);
	dot = strchr(section, '.');
	if (dot == NULL || l->continuation)
		return inifile_err(l, e, "not SECTION.KEY = VALUE, in one line");
	*dot = '\0';
	if (strcmp(section, "images") == 0 && has_own_images(d->v->from))
		return 0;
	had = provider_get(d->v->from, section, dot + 1);
	if (had == NULL || strcmp(had, l->value) == 0)
		return 0;
	return set(d, section, dot + 1, l->value) < 0 ? err_no_memory(e) : 0;
}

static int change(struct draft *d, struct err *e)
{
	const char *description = provider_get(d->v->from, "provider", "description");
	AUTO_FREE char *line = strdup(description != NULL ? description : "");

	if (line == NULL || replace_comment(d) < 0 || set(d, "kubernetes", "version", d->v->version) < 0 ||
	    replace_version(d, &line) < 0 || set(d, "provider", "description", line) < 0)
		return err_no_memory(e);
	if (d->v->table == NULL || (d->len == d->old_len && strncmp(d->old, d->v->version, (size_t)d->len) == 0))
		return 0;
	return inifile_read(d->v->table, take_value, d, e);
}

int new_version(FILE *f, const struct new_version *v, struct err *e)
{
	struct draft d = {
		.v = v, .old = provider_get(v->from, "kubernetes", "version"), .len = minor_len(v->version)
	};
	size_t n;
	int rc;

	if (d.old == NULL)
		return err_set(e, "%s: no [kubernetes] version", v->from->dirs.v[0]);
	d.old_len = minor_len(d.old);
	if (v->inherit == NULL) {
		if (read_file(v->from->files.v[0], READ_FILE_MAX, &d.text, &n, e) < 0)
			return -1;
	} else if (asprintf(&d.text, "; As %s, of another version.\n\n[provider]\ninherit = %s\n", v->inherit,
		       v->inherit) < 0) {
		return err_no_memory(e);
	}
	rc = change(&d, e);
	if (rc == 0)
		(void)fputs(d.text, f);
	free(d.text);
	return rc;
}
