#include "snapshot/files.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "snapshot/dir.h"

/* A VM has a handful of files. No RAM and no disk of ours is larger than MAX_SIZE. */
enum { FORMAT = 1, MAX_FILES = 64, MAX_NAME = 128 };
#define MAX_SIZE ((json_int_t)16 << 40)

/* May become a file of the directory? Names with ".tmp." are for what is unfinished. */
static bool good_name(const char *name)
{
	return name[0] != '\0' && strlen(name) <= MAX_NAME && utf8_is_line(name) && strchr(name, '/') == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strstr(name, ".tmp.") == NULL &&
	       strcmp(name, VMDIR_MANIFEST) != 0 && strcmp(name, VMDIR_VERIFIED) != 0;
}

static bool has_name(const struct vmform *form, const char *name)
{
	return form->name != NULL && strcmp(form->name, name) == 0;
}

static int set_name(const struct vmfiles *f, struct vmform *form, const char *name, struct err *e)
{
	size_t i;

	if (!good_name(name))
		return err_set(e, "'%.200s' is not a name for a file of a saved VM", name);
	for (i = 0; i < f->n; i++)
		if (has_name(&f->v[i].raw, name) || has_name(&f->v[i].packed, name))
			return err_set(e, "'%s' is there twice", name);
	form->name = strdup(name);
	return form->name != NULL ? 0 : err_no_memory(e);
}

int vmfiles_add(struct vmfiles *f, const char *name, struct err *e)
{
	struct vmfile file = { .raw = { 0 } }, *v;

	if (f->n == MAX_FILES)
		return err_set(e, "more than %d files", MAX_FILES);
	if (set_name(f, &file.raw, name, e) < 0)
		return -1;
	v = reallocarray(f->v, f->n + 1, sizeof *v);
	if (v == NULL) {
		vmform_free(&file.raw);
		return err_no_memory(e);
	}
	v[f->n++] = file;
	f->v = v;
	return 0;
}

int vmfiles_name_packed(struct vmfiles *f, size_t i, struct err *e)
{
	char name[MAX_NAME + sizeof ".zst"];

	if (f->v[i].packed.name != NULL)
		return 0;
	(void)snprintf(name, sizeof name, "%s.zst", f->v[i].raw.name);
	return set_name(f, &f->v[i].packed, name, e);
}

/* The size and the digest that J says; the name is set. */
static int parse_form(struct vmform *form, const json_t *j, struct err *e)
{
	const json_t *size = json_object_get(j, "size");
	const char *hex = json_string_value(json_object_get(j, "digest"));

	if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > MAX_SIZE)
		return err_set(e, "%s: its size is not one", form->name);
	if (hex == NULL || strlen(hex) != SHA256_HEX - 1 || strspn(hex, "0123456789abcdef") != SHA256_HEX - 1)
		return err_set(e, "%s: its digest is not a SHA-256", form->name);
	form->size = (uint64_t)json_integer_value(size);
	(void)memcpy(form->digest, hex, SHA256_HEX);
	return 0;
}

static int parse_file(struct vmfiles *f, const json_t *j, struct err *e)
{
	const char *name = json_string_value(json_object_get(j, "name"));
	const json_t *packed = json_object_get(j, "packed");
	struct vmfile *file;

	if (name == NULL)
		return err_set(e, "a file has no name");
	if (vmfiles_add(f, name, e) < 0)
		return -1;
	file = &f->v[f->n - 1];
	if (parse_form(&file->raw, j, e) < 0)
		return -1;
	if (packed == NULL)
		return 0;
	name = json_string_value(json_object_get(packed, "name"));
	if (name == NULL)
		return err_set(e, "%s: its packed form has no name", file->raw.name);
	return set_name(f, &file->packed, name, e) < 0 ? -1 : parse_form(&file->packed, packed, e);
}

int vmfiles_parse(struct vmfiles *f, const char *text, size_t n, struct err *e)
{
	json_error_t why;
	json_t *root = n <= VMFILES_MAX_JSON ? json_loadb(text, n, JSON_REJECT_DUPLICATES, &why) : NULL;
	const json_t *list = json_object_get(root, "files"), *j;
	size_t i;
	int rc = 0;

	if (n > VMFILES_MAX_JSON)
		rc = err_set(e, "too long");
	else if (root == NULL)
		rc = err_set(e, "line %d: %s", why.line, why.text);
	else if (json_integer_value(json_object_get(root, "format")) != FORMAT)
		rc = err_set(e, "its format is not %d", FORMAT);
	else if (!json_is_array(list))
		rc = err_set(e, "no list \"files\"");
	for (i = 0; rc == 0 && (j = json_array_get(list, i)) != NULL; i++)
		rc = parse_file(f, j, e);
	json_decref(root);
	if (rc < 0)
		vmfiles_free(f);
	return rc;
}

static json_t *form_json(const struct vmform *form)
{
	return json_pack("{s:s, s:I, s:s}", "name", form->name, "size", (json_int_t)form->size, "digest", form->digest);
}

char *vmfiles_dump(const struct vmfiles *f)
{
	json_t *list = json_array(), *root, *j;
	char *text = NULL;
	size_t i;
	int rc = list != NULL ? 0 : -1;

	for (i = 0; rc == 0 && i < f->n; i++) {
		j = form_json(&f->v[i].raw);
		if (f->v[i].packed.name != NULL)
			rc = json_object_set_new(j, "packed", form_json(&f->v[i].packed));
		if (json_array_append_new(list, j) < 0)
			rc = -1;
	}
	root = json_pack("{s:i, s:o}", "format", FORMAT, "files", list);
	if (rc == 0 && root != NULL)
		text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

struct vmfile *vmfiles_find(const struct vmfiles *f, const char *name, struct err *e)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (has_name(&f->v[i].raw, name))
			return &f->v[i];
	(void)err_set(e, "%s: no such file of this VM", name);
	return NULL;
}

void vmform_free(struct vmform *form)
{
	free(form->name);
	*form = (struct vmform){ 0 };
}

void vmfiles_free(struct vmfiles *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		vmform_free(&f->v[i].raw);
		vmform_free(&f->v[i].packed);
	}
	free(f->v);
	*f = (struct vmfiles){ 0 };
}
