#include "disk/artifact.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/num.h"
#include "disk/read.h"

#define NOTE_OFFSET "org.kubestamp.disk.offset"
#define NOTE_SIZE "org.kubestamp.disk.size"
#define NOTE_DIGEST "org.kubestamp.disk.digest"

static const char sha256_head[] = "sha256:";

uint64_t disk_window_len(uint64_t size, uint64_t offset)
{
	return size - offset < DISK_WINDOW ? size - offset : DISK_WINDOW;
}

int disk_add(struct disk *d, const struct disk_window *w, struct err *e)
{
	size_t room = d->room_ == 0 ? 64 : 2 * d->room_;
	struct disk_window *v;

	if (d->n == OCI_MAX_LAYERS)
		return err_set(e, "more than %d windows with data", OCI_MAX_LAYERS);
	if (d->n == d->room_) {
		v = reallocarray(d->v, room, sizeof *v);
		if (v == NULL)
			return err_no_memory(e);
		d->v = v;
		d->room_ = room;
	}
	d->v[d->n++] = *w;
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct disk_window *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

void disk_sort(struct disk *d)
{
	if (d->n > 0)
		qsort(d->v, d->n, sizeof *d->v, by_offset);
}

bool disk_is(const json_t *manifest)
{
	const char *type = json_string_value(json_object_get(manifest, "artifactType"));

	return type != NULL && strcmp(type, DISK_ARTIFACT) == 0;
}

static int parse_config(struct disk *d, const char *text, size_t n, struct err *e)
{
	json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	json_int_t size = json_integer_value(json_object_get(j, "virtualSize"));
	json_int_t window = json_integer_value(json_object_get(j, "chunkSize"));
	const char *format = json_string_value(json_object_get(j, "format"));
	int rc = 0;

	if (size <= 0)
		rc = err_set(e, "config: invalid virtualSize");
	else if (window != (json_int_t)DISK_WINDOW)
		rc = err_set(e, "config: chunkSize is not %llu", (unsigned long long)DISK_WINDOW);
	else if (format == NULL || !diskread_format_ok(format))
		rc = err_set(e, "config: invalid format");
	else
		(void)strcpy(d->format, format);
	d->size = rc == 0 ? (uint64_t)size : 0;
	json_decref(j);
	return rc;
}

/* Parses the annotation NAME, a number. Returns 0 or -1. */
static int number(const json_t *notes, const char *name, uint64_t *to, struct err *e)
{
	const char *text = json_string_value(json_object_get(notes, name));
	int64_t value;

	if (text == NULL || num_parse(text, 0, INT64_MAX, &value) < 0)
		return err_set(e, "annotation %s is not a number", name);
	*to = (uint64_t)value;
	return 0;
}

static int parse_window(struct disk *d, const json_t *layer, struct err *e)
{
	const json_t *notes = json_object_get(layer, "annotations");
	const char *raw = json_string_value(json_object_get(notes, NOTE_DIGEST));
	const struct disk_window *before = d->n > 0 ? &d->v[d->n - 1] : NULL;
	struct disk_window c = { 0 };
	struct document_desc desc;

	if (document_desc(layer, &desc, e) < 0 || number(notes, NOTE_OFFSET, &c.offset, e) < 0 ||
	    number(notes, NOTE_SIZE, &c.len, e) < 0)
		return -1;
	if (strcmp(desc.media, DISK_MEDIA_WINDOW) != 0)
		return err_set(e, "its media type is not " DISK_MEDIA_WINDOW);
	if (c.offset % DISK_WINDOW != 0 || c.offset >= d->size || c.len != disk_window_len(d->size, c.offset))
		return err_set(e, "not a window of the disk");
	if (before != NULL && c.offset <= before->offset)
		return err_set(e, "not after the previous window");
	if (desc.size == 0 || desc.size > ZSTD_COMPRESSBOUND(DISK_WINDOW))
		return err_set(e, "a window cannot have %llu bytes", (unsigned long long)desc.size);
	if (raw == NULL || sha256_parse(raw) == NULL)
		return err_set(e, "annotation " NOTE_DIGEST " is not a digest");
	c.size = desc.size;
	(void)strcpy(c.hex, desc.hex);
	(void)strcpy(c.raw, sha256_parse(raw));
	return disk_add(d, &c, e);
}

int disk_parse(struct disk *d, const json_t *manifest, const char *config, size_t n, struct err *e)
{
	const json_t *layer;
	size_t i;

	*d = (struct disk){ 0 };
	if (!disk_is(manifest))
		return err_set(e, "not a disk");
	if (parse_config(d, config, n, e) < 0)
		return -1;
	json_array_foreach (json_object_get(manifest, "layers"), i, layer) {
		if (parse_window(d, layer, e) < 0)
			return err_prefix(e, "layers[%zu]", i);
	}
	return 0;
}

json_t *disk_config(const struct disk *d)
{
	return json_pack("{s:I, s:s, s:I}", "chunkSize", (json_int_t)DISK_WINDOW, "format", d->format, "virtualSize",
	    (json_int_t)d->size);
}

/* The descriptor of a window. Returns a new reference or NULL. */
static json_t *layer_of(const struct disk_window *c)
{
	char offset[24], len[24], raw[sizeof sha256_head + SHA256_HEX];
	json_t *desc = document_new_desc(DISK_MEDIA_WINDOW, c->hex, c->size);

	(void)snprintf(offset, sizeof offset, "%llu", (unsigned long long)c->offset);
	(void)snprintf(len, sizeof len, "%llu", (unsigned long long)c->len);
	(void)snprintf(raw, sizeof raw, "%s%s", sha256_head, c->raw);
	if (json_object_set_new(desc, "annotations",
		json_pack("{s:s, s:s, s:s}", NOTE_OFFSET, offset, NOTE_SIZE, len, NOTE_DIGEST, raw)) == 0)
		return desc;
	json_decref(desc);
	return NULL;
}

json_t *disk_manifest(const struct disk *d, json_t *config, json_t *subject)
{
	json_t *layers = json_array(), *m;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < d->n; i++)
		rc = json_array_append_new(layers, layer_of(&d->v[i]));
	m = json_pack("{s:i, s:s, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", OCI_MEDIA_MANIFEST, "artifactType",
	    DISK_ARTIFACT, "config", config, "layers", layers);
	if (subject != NULL && json_object_set_new(m, "subject", subject) < 0)
		rc = -1;
	if (rc == 0)
		return m;
	json_decref(m);
	return NULL;
}

void disk_free(struct disk *d)
{
	free(d->v);
	*d = (struct disk){ 0 };
}

static int by_raw(const void *a, const void *b)
{
	const struct disk_window *x = *(const struct disk_window *const *)a, *y = *(const struct disk_window *const *)b;
	int rc = strcmp(x->raw, y->raw);

	return rc != 0 ? rc : by_offset(x, y);
}

int disk_index(struct disk_index *x, const struct disk *d, struct err *e)
{
	size_t i;

	x->v = calloc(d->n + 1, sizeof *x->v);
	if (x->v == NULL)
		return err_no_memory(e);
	for (i = 0; i < d->n; i++)
		x->v[i] = &d->v[i];
	x->n = d->n;
	qsort(x->v, x->n, sizeof *x->v, by_raw);
	return 0;
}

const struct disk_window *const *disk_find(const struct disk_index *x, const char *raw)
{
	size_t low = 0, high = x->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (strcmp(x->v[mid]->raw, raw) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n && strcmp(x->v[low]->raw, raw) == 0 ? &x->v[low] : NULL;
}
