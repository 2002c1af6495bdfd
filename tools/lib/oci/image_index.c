#include "oci/image_index.h"

/* The platform of the image D. Returns a new reference or NULL. */
static json_t *platform(const struct layout *l, const struct document_desc *d, struct err *e)
{
	static const char *const members[] = { "architecture", "os", "os.version", "os.features", "variant" };
	json_t *manifest = layout_get(l, d, document_parse_manifest, e), *config = NULL, *p = NULL, *value;
	struct document_desc c;
	size_t i;

	if (manifest != NULL && document_desc(json_object_get(manifest, "config"), &c, e) == 0)
		config = layout_get(l, &c, document_parse_config, e);
	if (config != NULL)
		p = json_object();
	for (i = 0; p != NULL && i < sizeof members / sizeof *members; i++)
		if ((value = json_object_get(config, members[i])) != NULL)
			(void)json_object_set(p, members[i], value);
	json_decref(config);
	json_decref(manifest);
	return p;
}

/* Adds the image TAG of L, whose index is INDEX, to LIST. Returns 0, -1 or IMAGEINDEX_NONE. */
static int add(const struct layout *l, const json_t *index, const char *tag, json_t *list, struct err *e)
{
	const json_t *found = document_find(index, tag), *other;
	json_t *desc, *p;
	struct document_desc d;
	size_t i;

	if (found == NULL) {
		(void)err_set(e, "%s: no image '%s'", l->dir, tag);
		return IMAGEINDEX_NONE;
	}
	if (document_desc(found, &d, e) < 0 || (p = platform(l, &d, e)) == NULL) {
		(void)err_prefix(e, "%s: %s", l->dir, tag);
		return IMAGEINDEX_NONE;
	}
	json_array_foreach (list, i, other) {
		if (json_equal(json_object_get(other, "platform"), p)) {
			json_decref(p);
			(void)err_set(e, "'%s' is for the same platform as another image", tag);
			return IMAGEINDEX_NONE;
		}
	}
	desc = document_new_desc(d.media, d.hex, d.size);
	if (json_object_set_new(desc, "platform", p) < 0) {
		json_decref(desc);
		return err_no_memory(e);
	}
	return json_array_append_new(list, desc) == 0 ? 0 : err_no_memory(e);
}

int imageindex_store(
    struct layout *l, const char *tag, const struct words *members, json_t *notes, char hex[SHA256_HEX], struct err *e)
{
	json_t *own = layout_index(l, e), *desc, *index;
	json_t *list = json_array();
	uint64_t size = 0;
	size_t i;
	int rc = own != NULL ? 0 : -1;

	for (i = 0; rc == 0 && i < members->n; i++)
		rc = add(l, own, members->v[i], list, e);
	json_decref(own);
	index = json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType", OCI_MEDIA_INDEX, "manifests", list);
	if (rc == 0 && (index == NULL || (notes != NULL && json_object_set(index, "annotations", notes) < 0)))
		rc = err_no_memory(e);
	if (rc == 0)
		rc = layout_put(l, index, hex, &size, e);
	json_decref(index);
	if (rc < 0)
		return rc;
	desc = document_new_desc(OCI_MEDIA_INDEX, hex, size);
	return desc != NULL ? layout_tag(l, tag, desc, e) : err_no_memory(e);
}
