#include "provider/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "provider/ini.h"
#include "provider/schema.h"

static void value_free(struct provider_value *v)
{
	free(v->section);
	free(v->key);
	free(v->value);
	*v = (struct provider_value){ 0 };
}

void provfile_free(struct provfile *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		value_free(&l->values[i].v);
	free(l->values);
	words_free(&l->headings);
	*l = (struct provfile){ .schema = l->schema };
}

/* VALUE becomes "VALUE MORE", with one space; without it where one of them is empty. Returns 0, or -1: no memory. */
int provfile_join(char **value, const char *more)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s%s", *value, **value != '\0' && *more != '\0' ? " " : "", more) < 0)
		return -1;
	free(*value);
	*value = text;
	return 0;
}

static int check_name(const struct provfile *in, const struct iniline *l, const char *key, bool append, struct err *e)
{
	const struct schema_key *row = schema_find(in->schema, l->section, key, e);

	if (row == NULL)
		return err_prefix(e, "%s:%d: %s.%s", l->file, l->line, l->section, key);
	if (append && !schema_can_append(row))
		return err_set(e, "%s:%d: %s.%s: += is for lists and texts only", l->file, l->line, l->section, key);
	return 0;
}

/* inifile refuses a second "key =" in a file; to add to a value and then replace it is a slip of the pen too. */
static int check_again(const struct provfile *in, const struct iniline *l, const char *key, bool append, struct err *e)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		if (!append && strcmp(in->values[i].v.section, l->section) == 0 &&
		    strcmp(in->values[i].v.key, key) == 0)
			return err_set(e, "%s:%d: %s.%s: is in line %d already", l->file, l->line, l->section, key,
			    in->values[i].v.line);
	return 0;
}

static int go_on(struct provfile *in, const struct iniline *l, const char *key, struct err *e)
{
	struct provider_value *last = in->n > 0 ? &in->values[in->n - 1].v : NULL;

	if (last == NULL || strcmp(last->section, l->section) != 0 || strcmp(last->key, key) != 0)
		return err_set(e, "%s:%d: %s.%s: the line is indented, but there is no value to go on with", l->file,
		    l->line, l->section, key);
	return provfile_join(&last->value, l->value) < 0 ? err_no_memory(e) : 0;
}

/* Takes a line of the file into the struct provfile ARG. */
static int take_line(const struct iniline *l, void *arg, struct err *e)
{
	struct provfile *in = arg;
	struct provfile_value *values, *new;
	AUTO_FREE char *key = NULL;
	size_t len = strlen(l->key);
	bool append = len > 0 && l->key[len - 1] == '+';

	for (; append && len > 0 && (l->key[len - 1] == '+' || l->key[len - 1] == ' '); len--)
		continue;
	key = strndup(l->key, len);
	if (key == NULL)
		return err_no_memory(e);
	if (l->continuation)
		return go_on(in, l, key, e);
	if (check_name(in, l, key, append, e) < 0 || check_again(in, l, key, append, e) < 0)
		return -1;
	values = reallocarray(in->values, in->n + 1, sizeof *values);
	if (values == NULL)
		return err_no_memory(e);
	in->values = values;
	new = &values[in->n++];
	*new = (struct provfile_value){ .append = append, .v = { .file = in->path, .line = l->line } };
	new->v.section = strdup(l->section);
	new->v.value = strdup(l->value);
	new->v.key = key;
	key = NULL;
	return new->v.section == NULL || new->v.value == NULL ? err_no_memory(e) : 0;
}

/* One space between words, and none before or after them. */
static void squeeze(char *text)
{
	char *to = text;

	for (text += strspn(text, " "); *text != '\0'; text++)
		if (*text != ' ' || (text[1] != ' ' && text[1] != '\0'))
			*to++ = *text;
	*to = '\0';
}

/* A heading; inifile tells of it even when nothing follows. */
static int take_heading(const struct iniline *l, void *arg, struct err *e)
{
	struct provfile *in = arg;

	if (schema_section(in->schema, l->section, e) < 0)
		return err_prefix(e, "%s:%d: [%s]", l->file, l->line, l->section);
	if (words_has(&in->headings, l->section))
		return 0;
	return words_add(&in->headings, l->section) < 0 ? err_no_memory(e) : 0;
}

static bool has_section(const struct provfile *in, const char *section)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		if (strcmp(in->values[i].v.section, section) == 0)
			return true;
	return false;
}

/* What has a name of its own is known by its keys: a heading alone would be a stage, say, that is silently none. */
static int check_headings(const struct provfile *in, struct err *e)
{
	size_t i;

	for (i = 0; i < in->headings.n; i++)
		if (strchr(in->headings.v[i], ' ') != NULL && !has_section(in, in->headings.v[i]))
			return err_set(e, "%s: [%s]: the section has no key", in->path, in->headings.v[i]);
	return 0;
}

static int check_values(struct provfile *in, struct err *e)
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

int provfile_read(struct provfile *in, const char *path, struct err *e)
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
