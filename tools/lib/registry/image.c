#include "registry/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Limits for hostile registries. Even indexes of indexes are rare. */
enum { MAX_DEPTH = 8, MAX_DOCS = 20000 };

bool regimage_has(const struct regimage_list *list, const char *hex)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i].hex, hex) == 0)
			return true;
	return false;
}

/* Adds D unless the list has it. Returns its entry, or NULL. */
static struct regimage_part *add(struct regimage_list *list, const struct document_desc *d, struct err *e)
{
	size_t i, room = list->room_ == 0 ? 64 : 2 * list->room_;
	struct regimage_part *v;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i].hex, d->hex) == 0)
			return &list->v[i];
	if (strlen(d->media) >= sizeof v->media) {
		(void)err_set(e, "a media type of %zu bytes", strlen(d->media));
		return NULL;
	}
	if (list->n == list->room_) {
		v = reallocarray(list->v, room, sizeof *v);
		if (v == NULL) {
			(void)err_no_memory(e);
			return NULL;
		}
		list->v = v;
		list->room_ = room;
	}
	v = &list->v[list->n++];
	*v = (struct regimage_part){ .size = d->size };
	(void)strcpy(v->hex, d->hex);
	(void)strcpy(v->media, d->media);
	return v;
}

int regimage_begin(struct regimage *i, const struct document_desc *d, struct err *e)
{
	*i = (struct regimage){ 0 };
	return add(&i->docs, d, e) != NULL ? 0 : -1;
}

static int add_blob(struct regimage *i, const json_t *desc, bool config, struct err *e)
{
	struct regimage_part *part;
	struct document_desc d;

	if (document_desc(desc, &d, e) < 0 || (part = add(&i->blobs, &d, e)) == NULL)
		return -1;
	part->config |= config;
	part->foreign |= json_array_size(json_object_get(desc, "urls")) > 0;
	return 0;
}

static int follow_manifest(struct regimage *i, const json_t *j, struct err *e)
{
	const json_t *layers = json_object_get(j, "layers");
	size_t k;

	if (add_blob(i, json_object_get(j, "config"), true, e) < 0)
		return -1;
	for (k = 0; k < json_array_size(layers); k++)
		if (add_blob(i, json_array_get(layers, k), false, e) < 0)
			return -1;
	return 0;
}

static int follow_index(struct regimage *i, const json_t *j, int depth, struct err *e)
{
	const json_t *list = json_object_get(j, "manifests");
	struct regimage_part *part;
	struct document_desc d;
	size_t k;

	if (depth > MAX_DEPTH)
		return err_set(e, "too many nested indexes");
	for (k = 0; k < json_array_size(list); k++) {
		if (document_desc(json_array_get(list, k), &d, e) < 0 || (part = add(&i->docs, &d, e)) == NULL)
			return -1;
		part->depth = depth;
		if (i->docs.n > MAX_DOCS)
			return err_set(e, "more than %d manifests", MAX_DOCS);
	}
	return 0;
}

int regimage_follow(struct regimage *i, size_t doc, const char *text, size_t n, struct err *e)
{
	struct regimage_part *part = &i->docs.v[doc];
	bool index = strcmp(part->media, OCI_MEDIA_INDEX) == 0 || strstr(part->media, ".manifest.list.") != NULL;
	json_t *j = index ? document_parse_index(text, n, e) : document_parse_manifest(text, n, e);
	struct document_desc subject;
	struct err ignored;
	int rc;

	if (j == NULL)
		return -1;
	if (document_desc(json_object_get(j, "subject"), &subject, &ignored) == 0)
		(void)strcpy(part->subject, subject.hex);
	rc = index ? follow_index(i, j, part->depth + 1, e) : follow_manifest(i, j, e);
	json_decref(j);
	return rc;
}

int regimage_read(struct regimage *i, const struct layout *l, const struct document_desc *d, struct err *e)
{
	struct document_desc doc;
	size_t k, n;
	int rc = regimage_begin(i, d, e);

	for (k = 0; rc == 0 && k < i->docs.n; k++) {
		AUTO_FREE char *text = NULL;

		doc = (struct document_desc){ i->docs.v[k].media, i->docs.v[k].hex, i->docs.v[k].size };
		text = layout_text(l, &doc, &n, e);
		rc = text != NULL ? regimage_follow(i, k, text, n, e) : -1;
		if (rc < 0 && text != NULL)
			(void)err_prefix(e, "%s: sha256:%s", l->dir, i->docs.v[k].hex);
	}
	return rc;
}

static int by_size(const void *a, const void *b)
{
	const struct regimage_part *x = a, *y = b;

	return (x->size < y->size) - (x->size > y->size);
}

void regimage_sort_blobs(struct regimage *i)
{
	if (i->blobs.n > 0)
		qsort(i->blobs.v, i->blobs.n, sizeof *i->blobs.v, by_size);
}

void regimage_free(struct regimage *i)
{
	free(i->docs.v);
	free(i->blobs.v);
	*i = (struct regimage){ 0 };
}
