#include "provider/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "provider/ini.h"
#include "provider/network.h"

/* The longest chain of inheritance. */
enum { MAX_DIRS = 16 };

/* One file before the merge, every line checked against the schema. */
struct file {
	const struct schema *schema; /* set before the file is read */
	const char *path;            /* not a copy */
	struct file_value {
		struct provider_value v;
		bool append; /* "key += value" */
	} * values;
	size_t n;
	struct words headings; /* the sections that it names */
};

static void value_free(struct provider_value *v)
{
	free(v->section);
	free(v->key);
	free(v->value);
	*v = (struct provider_value){ 0 };
}

static void file_free(struct file *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		value_free(&l->values[i].v);
	free(l->values);
	words_free(&l->headings);
	*l = (struct file){ .schema = l->schema };
}

/* Makes VALUE "VALUE MORE", without the space if one of them is empty. Returns 0, or -1: out of memory. */
static int join(char **value, const char *more)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s%s", *value, **value != '\0' && *more != '\0' ? " " : "", more) < 0)
		return -1;
	free(*value);
	*value = text;
	return 0;
}

static int check_name(const struct file *in, const struct iniline *l, const char *key, bool append, struct err *e)
{
	const struct schema_key *row = schema_find(in->schema, l->section, key, e);

	if (row == NULL)
		return err_prefix(e, "%s:%d: %s.%s", l->file, l->line, l->section, key);
	if (append && !schema_can_append(row))
		return err_set(
		    e, "%s:%d: %s.%s: += is allowed for lists and strings only", l->file, l->line, l->section, key);
	return 0;
}

/* inifile rejects a second "key =" in a file. A "key =" after a "key +=" would discard the latter: also an error. */
static int check_again(const struct file *in, const struct iniline *l, const char *key, bool append, struct err *e)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		if (!append && strcmp(in->values[i].v.section, l->section) == 0 &&
		    strcmp(in->values[i].v.key, key) == 0)
			return err_set(e, "%s:%d: %s.%s: already set in line %d", l->file, l->line, l->section, key,
			    in->values[i].v.line);
	return 0;
}

static int continue_value(struct file *in, const struct iniline *l, const char *key, struct err *e)
{
	struct provider_value *last = in->n > 0 ? &in->values[in->n - 1].v : NULL;

	if (last == NULL || strcmp(last->section, l->section) != 0 || strcmp(last->key, key) != 0)
		return err_set(e, "%s:%d: %s.%s: indented, but there is no value above it to continue", l->file,
		    l->line, l->section, key);
	return join(&last->value, l->value) < 0 ? err_no_memory(e) : 0;
}

/* Adds a line to the struct file ARG. */
static int take_line(const struct iniline *l, void *arg, struct err *e)
{
	struct file *in = arg;
	struct file_value *values, *new;
	AUTO_FREE char *key = NULL;
	size_t len = strlen(l->key);
	bool append = len > 0 && l->key[len - 1] == '+';

	for (; append && len > 0 && (l->key[len - 1] == '+' || l->key[len - 1] == ' '); len--)
		continue;
	key = strndup(l->key, len);
	if (key == NULL)
		return err_no_memory(e);
	if (l->continuation)
		return continue_value(in, l, key, e);
	if (check_name(in, l, key, append, e) < 0 || check_again(in, l, key, append, e) < 0)
		return -1;
	values = reallocarray(in->values, in->n + 1, sizeof *values);
	if (values == NULL)
		return err_no_memory(e);
	in->values = values;
	new = &values[in->n++];
	*new = (struct file_value){ .append = append, .v = { .file = in->path, .line = l->line } };
	new->v.section = strdup(l->section);
	new->v.value = strdup(l->value);
	new->v.key = key;
	key = NULL;
	return new->v.section == NULL || new->v.value == NULL ? err_no_memory(e) : 0;
}

/* Leaves one space between words, and none before or after them. */
static void squeeze(char *text)
{
	char *to = text;

	for (text += strspn(text, " "); *text != '\0'; text++)
		if (*text != ' ' || (text[1] != ' ' && text[1] != '\0'))
			*to++ = *text;
	*to = '\0';
}

/* Adds a heading to the struct file ARG, also one without keys. */
static int take_heading(const struct iniline *l, void *arg, struct err *e)
{
	struct file *in = arg;

	if (schema_section(in->schema, l->section, e) < 0)
		return err_prefix(e, "%s:%d: [%s]", l->file, l->line, l->section);
	if (words_has(&in->headings, l->section))
		return 0;
	return words_add(&in->headings, l->section) < 0 ? err_no_memory(e) : 0;
}

static bool has_section(const struct file *in, const char *section)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		if (strcmp(in->values[i].v.section, section) == 0)
			return true;
	return false;
}

/* Stages are found by their keys: a [stage NAME] without any would be silently ignored. */
static int check_headings(const struct file *in, struct err *e)
{
	size_t i;

	for (i = 0; i < in->headings.n; i++)
		if (strchr(in->headings.v[i], ' ') != NULL && !has_section(in, in->headings.v[i]))
			return err_set(e, "%s: [%s]: the section is empty", in->path, in->headings.v[i]);
	return 0;
}

static int check_values(struct file *in, struct err *e)
{
	const struct schema_key *row;
	struct provider_value *v;
	struct err why;
	size_t i;

	for (i = 0; i < in->n; i++) {
		v = &in->values[i].v;
		row = schema_find(in->schema, v->section, v->key, &why);
		if (row == NULL || schema_check(in->schema, row, v->value, &why) < 0)
			return provider_err(e, v, "%s", why.msg);
		if (schema_is_list(row))
			squeeze(v->value);
	}
	return 0;
}

static int file_read(struct file *in, const char *path, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	const struct inifile file = { .f = f, .name = path, .with = take_line, .section = take_heading, .arg = in };

	in->path = path;
	if (f == NULL)
		return err_sys(e, "%s", path);
	if (inifile_parse(&file, e) < 0 || check_headings(in, e) < 0)
		return -1;
	return check_values(in, e);
}

static struct provider_value *find(const struct provider *p, const char *section, const char *key)
{
	size_t i;

	for (i = 0; i < p->nvalues; i++)
		if (strcmp(p->values[i].section, section) == 0 && strcmp(p->values[i].key, key) == 0)
			return &p->values[i];
	return NULL;
}

static bool is_abstract(const struct provider_value *v)
{
	return strcmp(v->section, "provider") == 0 && strcmp(v->key, "abstract") == 0;
}

/* Merges the values of L into P. OWN: L is the provider's own file, not an inherited one. */
static int merge(struct provider *p, struct file *l, bool own, struct err *e)
{
	struct provider_value *values, *new, *old;
	size_t i;

	values = reallocarray(p->values, p->nvalues + l->n + 1, sizeof *values);
	if (values == NULL)
		return err_no_memory(e);
	p->values = values;
	for (i = 0; i < l->n; i++) {
		new = &l->values[i].v;
		/* "abstract" is not inherited. */
		if (is_abstract(new) && !own)
			continue;
		old = find(p, new->section, new->key);
		if (old == NULL) {
			p->values[p->nvalues++] = *new;
			*new = (struct provider_value){ 0 };
			continue;
		}
		if (!l->values[i].append)
			old->value[0] = '\0';
		if (join(&old->value, new->value) < 0)
			return err_no_memory(e);
		old->file = new->file;
		old->line = new->line;
	}
	return 0;
}

/* Copies VALUES[FROM] to SECTION.KEY of P, replacing or, with APPEND, extending what is there. */
static int copy_value(struct provider *p, size_t from, const char *section, const char *key, bool append, struct err *e)
{
	struct provider_value *to = find(p, section, key), *values;

	if (to == NULL) {
		values = reallocarray(p->values, p->nvalues + 1, sizeof *values);
		if (values == NULL)
			return err_no_memory(e);
		p->values = values;
		to = &p->values[p->nvalues++];
		*to = (struct provider_value){ .section = strdup(section), .key = strdup(key), .value = strdup("") };
		if (to->section == NULL || to->key == NULL || to->value == NULL)
			return err_no_memory(e);
	}
	if (!append)
		to->value[0] = '\0';
	to->file = p->values[from].file;
	to->line = p->values[from].line;
	return join(&to->value, p->values[from].value) < 0 ? err_no_memory(e) : 0;
}

/*
 * With source = upstream the values of [upstream] replace those of [images], and a stage's "upstream_files" are among
 * its "files".
 */
static int apply_source(struct provider *p, struct err *e)
{
	const char *source = provider_get(p, "kubernetes", "source");
	size_t i, n = p->nvalues;
	int rc = 0;

	if (source == NULL || strcmp(source, "upstream") != 0)
		return 0;
	for (i = 0; i < n && rc == 0; i++)
		if (strcmp(p->values[i].section, "upstream") == 0)
			rc = copy_value(p, i, "images", p->values[i].key, false, e);
		else if (strcmp(p->values[i].key, "upstream_files") == 0)
			rc = copy_value(p, i, p->values[i].section, "files", true, e);
	return rc;
}

/* The directory that contains DIR, as a prefix: "", or with a slash at its end. NULL: out of memory. */
static char *beside(const char *dir)
{
	const char *slash = strrchr(dir, '/'), *last = slash != NULL ? slash + 1 : dir;
	char *prefix = NULL;

	if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return asprintf(&prefix, "%s/../", dir) < 0 ? NULL : prefix;
	return strndup(dir, (size_t)(last - dir));
}

/* Adds the directory PREFIX NAME to P if it has a file of this kind. Returns 1, 0 if it has not, or -1. */
static int try_dir(struct provider *p, const char *prefix, const char *name, struct err *e)
{
	AUTO_WORDS struct words found = { 0 };

	if (words_addf(&found, "%s%s/%s", prefix, name, p->schema->file) < 0)
		return err_no_memory(e);
	if (access(found.v[0], F_OK) < 0)
		return 0;
	if (words_addf(&p->dirs, "%s%s", prefix, name) < 0 || words_add(&p->files, found.v[0]) < 0)
		return err_no_memory(e);
	return 1;
}

/* Adds the directory that V names; V is "inherit" of the directory added last. */
static int find_inherited(
    struct provider *p, const struct words *include, const struct provider_value *v, struct err *e)
{
	AUTO_FREE char *prefix = beside(p->dirs.v[p->dirs.n - 1]);
	AUTO_FREE char *dir = NULL;
	size_t i, len;
	int found;

	if (prefix == NULL)
		return err_no_memory(e);
	found = try_dir(p, prefix, v->value, e);
	for (i = 0; found == 0 && i < include->n; i++) {
		free(dir);
		for (len = strlen(include->v[i]); len > 0 && include->v[i][len - 1] == '/'; len--)
			continue;
		if (asprintf(&dir, "%.*s/", (int)len, include->v[i]) < 0) {
			dir = NULL;
			return err_no_memory(e);
		}
		found = try_dir(p, dir, v->value, e);
	}
	if (found == 0)
		return provider_err(e, v, "provider '%s' not found beside %s%s", v->value, p->dirs.v[p->dirs.n - 1],
		    include->n > 0 ? " or in the directories of -I" : "");
	return found < 0 ? -1 : 0;
}

/* An error if the directory added last was already in the chain, or the chain is too long. */
static int check_loop(const struct provider *p, const struct provider_value *v, struct err *e)
{
	const char *newest = p->files.v[p->files.n - 1];
	struct stat a, b;
	size_t i;

	if (stat(newest, &a) < 0)
		return err_sys(e, "%s", newest);
	for (i = 0; i + 1 < p->files.n; i++)
		if (stat(p->files.v[i], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return provider_err(e, v, "'%s' inherits itself", v->value);
	return p->files.n <= MAX_DIRS
		   ? 0
		   : provider_err(e, v, "more than %d providers in the chain of inheritance", MAX_DIRS);
}

static const struct provider_value *inherit_of(const struct file *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->values[i].v.section, "provider") == 0 && strcmp(l->values[i].v.key, "inherit") == 0)
			return *l->values[i].v.value != '\0' ? &l->values[i].v : NULL;
	return NULL;
}

/* Reads the files, the provider's own first, and merges them, its own last. */
static int read_chain(struct provider *p, struct file *chain, const struct words *include, struct err *e)
{
	const struct provider_value *inherit;
	size_t n = 0;

	for (;;) {
		chain[n].schema = p->schema;
		if (file_read(&chain[n], p->files.v[n], e) < 0)
			return -1;
		inherit = inherit_of(&chain[n++]);
		if (inherit == NULL)
			break;
		if (find_inherited(p, include, inherit, e) < 0 || check_loop(p, inherit, e) < 0)
			return -1;
	}
	while (n-- > 0)
		if (merge(p, &chain[n], n == 0, e) < 0)
			return -1;
	return 0;
}

static int check_required(const struct provider *p, struct err *e)
{
	const struct schema_key *row;
	const char *value;
	bool used;
	size_t i;

	for (row = p->schema->keys; row->section != NULL; row++) {
		used = row->need == SCHEMA_ALWAYS;
		for (i = 0; row->need == SCHEMA_WITH_SECTION && i < p->nvalues && !used; i++)
			used = strcmp(p->values[i].section, row->section) == 0;
		value = used ? provider_get(p, row->section, row->key) : NULL;
		if (used && (value == NULL || *value == '\0'))
			return err_set(e, "%s: %s.%s: is not set", p->files.v[0], row->section, row->key);
	}
	return 0;
}

/* Do the values of [network] go together? */
static int check_network(const struct provider *p, struct err *e)
{
	const struct network n = {
		.address = provider_get(p, "network", "address"),
		.address6 = provider_get(p, "network", "address6"),
		.first_node = provider_get(p, "network", "first_node"),
		.pod_cidr = provider_get(p, "network", "pod_cidr"),
		.service_cidr = provider_get(p, "network", "service_cidr"),
		.dns_address = provider_get(p, "network", "dns_address"),
	};
	const char *key;
	struct err reason;

	if (network_check(&n, &key, &reason) == 0)
		return 0;
	return provider_err(e, find(p, "network", key), "%s", reason.msg);
}

/* Adds the provider's own directory. */
static int add_own(struct provider *p, const char *dir, struct err *e)
{
	AUTO_FREE char *own = strdup(dir);
	size_t len = strlen(dir);
	int found;

	if (own == NULL)
		return err_no_memory(e);
	for (; len > 1 && own[len - 1] == '/'; len--)
		own[len - 1] = '\0';
	found = try_dir(p, "", own, e);
	return found != 0 ? found : err_sys(e, "%s/%s", own, p->schema->file);
}

int provider_load_as(
    struct provider *p, const struct schema *schema, const char *dir, const struct words *include, struct err *e)
{
	struct file chain[MAX_DIRS] = { 0 };
	size_t i;
	int rc;

	*p = (struct provider){ .schema = schema };
	rc = add_own(p, dir, e);
	if (rc > 0)
		rc = read_chain(p, chain, include, e);
	for (i = 0; i < MAX_DIRS; i++)
		file_free(&chain[i]);
	if (rc == 0)
		rc = apply_source(p, e);
	if (rc == 0 && !provider_is_abstract(p))
		rc = check_required(p, e) < 0 ? -1 : check_network(p, e);
	if (rc < 0)
		provider_free(p);
	return rc;
}

int provider_load(struct provider *p, const char *dir, const struct words *include, struct err *e)
{
	return provider_load_as(p, &schema_provider, dir, include, e);
}

const struct provider_value *provider_find(const struct provider *p, const char *section, const char *key)
{
	return find(p, section, key);
}

const char *provider_get(const struct provider *p, const char *section, const char *key)
{
	const struct provider_value *v = find(p, section, key);

	return v != NULL ? v->value : NULL;
}

int provider_value_order(const void *a, const void *b)
{
	const struct provider_value *const *x = a, *const *y = b;
	int rc = strcmp((*x)->section, (*y)->section);

	return rc != 0 ? rc : strcmp((*x)->key, (*y)->key);
}

bool provider_is_abstract(const struct provider *p)
{
	const char *value = provider_get(p, "provider", "abstract");

	return value != NULL && strcmp(value, "yes") == 0;
}

char *provider_path(const struct provider *p, const char *name)
{
	char *path = NULL;
	size_t i;

	for (i = 0; i < p->dirs.n; i++) {
		if (asprintf(&path, "%s/%s", p->dirs.v[i], name) < 0)
			return NULL;
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

int provider_err(struct err *e, const struct provider_value *v, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(e, "%s:%d: %s.%s: %s", v->file, v->line, v->section, v->key, text);
}

void provider_free(struct provider *p)
{
	size_t i;

	for (i = 0; i < p->nvalues; i++) {
		free(p->values[i].section);
		free(p->values[i].key);
		free(p->values[i].value);
	}
	free(p->values);
	words_free(&p->dirs);
	words_free(&p->files);
	*p = (struct provider){ 0 };
}
