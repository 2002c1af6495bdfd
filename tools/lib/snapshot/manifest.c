#include "snapshot/manifest.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* A saved machine has a handful of files; none of ours is larger than MAX_SIZE. */
enum { FORMAT = 1, MAX_FILES = 64, MAX_NAME = 128 };
#define MAX_SIZE ((json_int_t)16 << 40)

/* Is NAME allowed for a file of the directory? Names with ".tmp." are reserved for unfinished files. */
static bool good_name(const char *name)
{
	return name[0] != '\0' && strlen(name) <= MAX_NAME && utf8_is_line(name) && strchr(name, '/') == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strstr(name, ".tmp.") == NULL &&
	       strcmp(name, SAVED_MANIFEST) != 0 && strcmp(name, SAVED_VERIFIED) != 0;
}

static bool has_name(const struct saved_form *form, const char *name)
{
	return form->name != NULL && strcmp(form->name, name) == 0;
}

static int set_name(const struct manifest *m, struct saved_form *form, const char *name, struct err *e)
{
	size_t i;

	if (!good_name(name))
		return err_set(e, "'%.200s' is not a valid name for a file of a saved VM", name);
	for (i = 0; i < m->n; i++)
		if (has_name(&m->v[i].raw, name) || has_name(&m->v[i].packed, name))
			return err_set(e, "'%s' is listed twice", name);
	form->name = strdup(name);
	return form->name != NULL ? 0 : err_no_memory(e);
}

int manifest_add(struct manifest *m, const char *name, struct err *e)
{
	struct saved_file file = { .raw = { 0 } }, *v;

	if (m->n == MAX_FILES)
		return err_set(e, "more than %d files", MAX_FILES);
	if (set_name(m, &file.raw, name, e) < 0)
		return -1;
	v = reallocarray(m->v, m->n + 1, sizeof *v);
	if (v == NULL) {
		saved_form_free(&file.raw);
		return err_no_memory(e);
	}
	v[m->n++] = file;
	m->v = v;
	return 0;
}

int manifest_name_packed(struct manifest *m, size_t i, struct err *e)
{
	char name[MAX_NAME + sizeof ".zst"];

	if (m->v[i].packed.name != NULL)
		return 0;
	(void)snprintf(name, sizeof name, "%s.zst", m->v[i].raw.name);
	return set_name(m, &m->v[i].packed, name, e);
}

/* Sets the size and the digest from J; the name is already set. */
static int parse_form(struct saved_form *form, const json_t *j, struct err *e)
{
	const json_t *size = json_object_get(j, "size");
	const char *hex = json_string_value(json_object_get(j, "digest"));

	if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > MAX_SIZE)
		return err_set(e, "%s: invalid size", form->name);
	if (!sha256_is_hex(hex))
		return err_set(e, "%s: invalid digest", form->name);
	form->size = (uint64_t)json_integer_value(size);
	(void)memcpy(form->digest, hex, SHA256_HEX);
	return 0;
}

static int parse_file(struct manifest *m, const json_t *j, struct err *e)
{
	const char *name = json_string_value(json_object_get(j, "name"));
	const json_t *packed = json_object_get(j, "packed");
	struct saved_file *file;

	if (name == NULL)
		return err_set(e, "a file without a name");
	if (manifest_add(m, name, e) < 0)
		return -1;
	file = &m->v[m->n - 1];
	if (parse_form(&file->raw, j, e) < 0)
		return -1;
	if (packed == NULL)
		return 0;
	name = json_string_value(json_object_get(packed, "name"));
	if (name == NULL)
		return err_set(e, "%s: a packed form without a name", file->raw.name);
	return set_name(m, &file->packed, name, e) < 0 ? -1 : parse_form(&file->packed, packed, e);
}

int manifest_parse(struct manifest *m, const char *text, size_t n, struct err *e)
{
	json_error_t why;
	json_t *root = n <= MANIFEST_MAX ? json_loadb(text, n, JSON_REJECT_DUPLICATES, &why) : NULL;
	const json_t *list = json_object_get(root, "files"), *j;
	size_t i;
	int rc = 0;

	if (n > MANIFEST_MAX)
		rc = err_set(e, "too long");
	else if (root == NULL)
		rc = err_set(e, "line %d: %s", why.line, why.text);
	else if (json_integer_value(json_object_get(root, "format")) != FORMAT)
		rc = err_set(e, "not format %d", FORMAT);
	else if (!json_is_array(list))
		rc = err_set(e, "no list \"files\"");
	for (i = 0; rc == 0 && (j = json_array_get(list, i)) != NULL; i++)
		rc = parse_file(m, j, e);
	json_decref(root);
	if (rc < 0)
		manifest_free(m);
	return rc;
}

static json_t *form_json(const struct saved_form *form)
{
	return json_pack("{s:s, s:I, s:s}", "name", form->name, "size", (json_int_t)form->size, "digest", form->digest);
}

char *manifest_dump(const struct manifest *m)
{
	json_t *list = json_array(), *root, *j;
	char *text = NULL;
	size_t i;
	int rc = list != NULL ? 0 : -1;

	for (i = 0; rc == 0 && i < m->n; i++) {
		j = form_json(&m->v[i].raw);
		if (m->v[i].packed.name != NULL)
			rc = json_object_set_new(j, "packed", form_json(&m->v[i].packed));
		if (json_array_append_new(list, j) < 0)
			rc = -1;
	}
	root = json_pack("{s:i, s:o}", "format", FORMAT, "files", list);
	if (rc == 0 && root != NULL)
		text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

struct saved_file *manifest_find(const struct manifest *m, const char *name, struct err *e)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (has_name(&m->v[i].raw, name))
			return &m->v[i];
	(void)err_set(e, "%s: no such file in the manifest", name);
	return NULL;
}

void saved_form_free(struct saved_form *form)
{
	free(form->name);
	*form = (struct saved_form){ 0 };
}

void manifest_free(struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		saved_form_free(&m->v[i].raw);
		saved_form_free(&m->v[i].packed);
	}
	free(m->v);
	*m = (struct manifest){ 0 };
}
