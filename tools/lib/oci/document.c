#include "oci/document.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"

/* Real documents nest only a few levels; deeper ones are not searched. */
enum { MAX_DEPTH = 64 };

#define OCI_REF_NAME "org.opencontainers.image.ref.name"

static const char sha256_head[] = "sha256:";

static json_t *parse(const char *text, size_t n, struct err *e)
{
	json_error_t why;
	json_t *j;

	if (n > OCI_MAX_JSON) {
		(void)err_set(e, "larger than %u bytes", OCI_MAX_JSON);
		return NULL;
	}
	j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (j == NULL)
		(void)err_set(e, "line %d: %s", why.line, why.text);
	else if (json_is_object(j))
		return j;
	else
		(void)err_set(e, "not a JSON object");
	json_decref(j);
	return NULL;
}

/* Checks that J has an array NAME of at most MAX valid descriptors. Returns 0 or -1. */
static int check_descs(const json_t *j, const char *name, size_t max, struct err *e)
{
	const json_t *list = json_object_get(j, name), *d;
	struct document_desc desc;
	size_t i;

	if (!json_is_array(list))
		return err_set(e, "no array \"%s\"", name);
	if (json_array_size(list) > max)
		return err_set(e, "more than %zu entries in \"%s\"", max, name);
	json_array_foreach (list, i, d) {
		if (document_desc(d, &desc, e) < 0)
			return err_prefix(e, "%s[%zu]", name, i);
	}
	return 0;
}

static int check_version(const json_t *j, struct err *e)
{
	return json_integer_value(json_object_get(j, "schemaVersion")) == 2 ? 0 : err_set(e, "schemaVersion is not 2");
}

/* Returns J if RC is 0; otherwise releases it and returns NULL. */
static json_t *keep_if(json_t *j, int rc)
{
	if (rc == 0)
		return j;
	json_decref(j);
	return NULL;
}

json_t *document_parse_index(const char *text, size_t n, struct err *e)
{
	json_t *j = parse(text, n, e);

	if (j == NULL)
		return NULL;
	return keep_if(j, check_version(j, e) < 0 || check_descs(j, "manifests", SIZE_MAX, e) < 0);
}

json_t *document_parse_manifest(const char *text, size_t n, struct err *e)
{
	json_t *j = parse(text, n, e);
	struct document_desc config;
	int rc;

	if (j == NULL)
		return NULL;
	rc = check_version(j, e) < 0 || check_descs(j, "layers", OCI_MAX_LAYERS, e) < 0;
	if (rc == 0 && document_desc(json_object_get(j, "config"), &config, e) < 0)
		rc = err_prefix(e, "config");
	return keep_if(j, rc);
}

json_t *document_parse_config(const char *text, size_t n, struct err *e)
{
	json_t *j = parse(text, n, e);
	const json_t *ids, *id, *part;
	static const char *const words[] = { "architecture", "os" };
	size_t i;
	int rc = 0;

	if (j == NULL)
		return NULL;
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (!json_is_string(json_object_get(j, words[i])))
			rc = err_set(e, "no string \"%s\"", words[i]);
	ids = json_object_get(json_object_get(j, "rootfs"), "diff_ids");
	if (!json_is_array(ids) || json_array_size(ids) > OCI_MAX_LAYERS)
		rc = err_set(e, "no array \"rootfs.diff_ids\"");
	json_array_foreach (ids, i, id) {
		if (sha256_parse(json_string_value(id)) == NULL)
			rc = err_set(e, "rootfs.diff_ids[%zu]: not a SHA-256 digest", i);
	}
	part = json_object_get(j, "config");
	if (part != NULL && !json_is_object(part) && !json_is_null(part))
		rc = err_set(e, "\"config\" is not an object");
	part = json_object_get(j, "history");
	if (part != NULL && !json_is_array(part) && !json_is_null(part))
		rc = err_set(e, "\"history\" is not an array");
	return keep_if(j, rc);
}

int document_desc(const json_t *json, struct document_desc *d, struct err *e)
{
	const json_t *size = json_object_get(json, "size");

	d->media = json_string_value(json_object_get(json, "mediaType"));
	d->hex = sha256_parse(json_string_value(json_object_get(json, "digest")));
	if (d->media == NULL)
		return err_set(e, "no mediaType");
	if (d->hex == NULL)
		return err_set(e, "digest is not a SHA-256 digest");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(e, "no size");
	d->size = (uint64_t)json_integer_value(size);
	return 0;
}

json_t *document_new_desc(const char *media, const char *hex, uint64_t size)
{
	char digest[sizeof sha256_head + SHA256_HEX];

	(void)snprintf(digest, sizeof digest, "%s%s", sha256_head, hex);
	return json_pack("{s:s, s:s, s:I}", "mediaType", media, "digest", digest, "size", (json_int_t)size);
}

const char *document_tag(const json_t *desc)
{
	return json_string_value(json_object_get(json_object_get(desc, "annotations"), OCI_REF_NAME));
}

bool document_find_digest(const json_t *list, const char *hex, struct document_desc *d)
{
	const json_t *desc;
	struct err ignored;
	size_t i;

	json_array_foreach (list, i, desc) {
		if (document_desc(desc, d, &ignored) == 0 && strcmp(d->hex, hex) == 0)
			return true;
	}
	return false;
}

bool document_good_tag(const char *tag)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:@/+";

	return strchr("-._:@/+", tag[0]) == NULL && tag[strspn(tag, letters)] == '\0';
}

json_t *document_find(const json_t *index, const char *tag)
{
	json_t *d;
	size_t i;

	json_array_foreach (json_object_get(index, "manifests"), i, d) {
		if (document_tag(d) != NULL && strcmp(document_tag(d), tag) == 0)
			return d;
	}
	return NULL;
}

int document_set(json_t *index, const char *tag, json_t *desc)
{
	json_t *list = json_object_get(index, "manifests");
	json_t *annotations = json_pack("{s:s}", OCI_REF_NAME, tag);
	size_t i = json_array_size(list);

	while (i-- > 0) {
		const char *name = document_tag(json_array_get(list, i));

		if (name != NULL && strcmp(name, tag) == 0)
			(void)json_array_remove(list, i);
	}
	if (json_object_set_new(desc, "annotations", annotations) < 0) {
		json_decref(desc);
		return -1;
	}
	return json_array_append_new(list, desc);
}

/* Adds SETTING, "NAME=VALUE", to LIST, replacing an earlier setting of NAME. Returns 0 or -1. */
static int set_env(json_t *list, json_t *setting)
{
	const char *text = json_string_value(setting), *old;
	size_t n = text != NULL ? strcspn(text, "=") : 0, i;
	json_t *item;

	json_array_foreach (list, i, item) {
		old = json_string_value(item);
		if (text != NULL && old != NULL && strncmp(old, text, n) == 0 && (old[n] == '=' || old[n] == '\0'))
			return json_array_set(list, i, setting);
	}
	return json_array_append(list, setting);
}

int document_edit(json_t *config, json_t *edits, struct err *e)
{
	const char *key;
	json_t *value, *old, *item;
	size_t i;
	int rc = 0;

	if (json_object_get(edits, "Entrypoint") != NULL)
		(void)json_object_del(config, "Cmd");
	json_object_foreach (edits, key, value) {
		if (rc < 0)
			break;
		old = json_object_get(config, key);
		if (strcmp(key, "Env") == 0) {
			if (!json_is_array(old)) {
				old = json_array();
				rc = json_object_set_new(config, key, old);
			}
			json_array_foreach (value, i, item) {
				rc = rc < 0 ? rc : set_env(old, item);
			}
		} else if (json_is_object(value) && json_is_object(old)) {
			rc = json_object_update(old, value);
		} else {
			rc = json_object_set(config, key, value);
		}
	}
	return rc < 0 ? err_no_memory(e) : 0;
}

char *document_dump(const json_t *json)
{
	return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
}

static int walk(json_t *j, int depth, int (*found)(const struct document_desc *, void *), void *arg)
{
	struct document_desc d;
	struct err ignored;
	json_t *item;
	const char *key;
	size_t i;
	int rc = 0;

	if (depth > MAX_DEPTH)
		return 0;
	if (json_is_object(j)) {
		if (document_desc(j, &d, &ignored) == 0)
			rc = found(&d, arg);
		json_object_foreach (j, key, item) {
			rc = rc != 0 ? rc : walk(item, depth + 1, found, arg);
		}
	}
	json_array_foreach (j, i, item) {
		rc = rc != 0 ? rc : walk(item, depth + 1, found, arg);
	}
	return rc;
}

int document_each_desc(json_t *json, int (*found)(const struct document_desc *d, void *arg), void *arg)
{
	return walk(json, 0, found, arg);
}
