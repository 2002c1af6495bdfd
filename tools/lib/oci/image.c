#include "oci/image.h"

#include <stdio.h>
#include <string.h>

static const char *const media[] = {
	[COMPRESS_NONE] = OCI_MEDIA_LAYER,
	[COMPRESS_GZIP] = OCI_MEDIA_LAYER "+gzip",
	[COMPRESS_ZSTD] = OCI_MEDIA_LAYER "+zstd",
};

int image_new(struct image *i, const char *created, struct err *e)
{
	*i = (struct image){ .created = created };
	i->config = json_pack("{s:s, s:{}, s:{s:s, s:[]}, s:[]}", "created", created, "config", "rootfs", "type",
	    "layers", "diff_ids", "history");
	i->manifest = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", OCI_MEDIA_MANIFEST, "layers");
	return i->config != NULL && i->manifest != NULL ? 0 : err_no_memory(e);
}

void image_free(struct image *i)
{
	json_decref(i->config);
	json_decref(i->manifest);
	*i = (struct image){ 0 };
}

/* Copies the layers and the configuration of a base image. Returns 0 or -1. */
static int inherit(struct image *i, json_t *manifest, json_t *config, struct err *e)
{
	json_t *layers = json_object_get(manifest, "layers");
	json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");

	if (json_array_size(ids) != json_array_size(layers))
		return err_set(e, "configuration and manifest list different numbers of layers");
	if (json_object_set(i->manifest, "layers", layers) < 0 || json_object_update(i->config, config) < 0 ||
	    json_object_set_new(i->config, "created", json_string(i->created)) < 0)
		return err_no_memory(e);
	if (!json_is_object(json_object_get(config, "config")) &&
	    json_object_set_new(i->config, "config", json_object()) < 0)
		return err_no_memory(e);
	/* A history must cover every layer: without one for the base's layers there can be none. */
	if (!json_is_array(json_object_get(config, "history")) && json_array_size(layers) > 0)
		(void)json_object_del(i->config, "history");
	return 0;
}

/* Finds TAG and reads its documents. Returns 0 or IMAGE_NONE. */
static int read_base(const struct layout *from, const char *tag, json_t **manifest, json_t **config, struct err *e)
{
	json_t *found = layout_find(from, tag, e);
	struct document_desc d;

	if (found == NULL)
		return IMAGE_NONE;
	if (document_desc(found, &d, e) < 0)
		(void)err_prefix(e, "%s: %s", from->dir, tag);
	else if (strcmp(d.media, OCI_MEDIA_MANIFEST) != 0)
		(void)err_set(e, "%s: '%s' is of type %s, not an image", from->dir, tag, d.media);
	else
		*manifest = layout_get(from, &d, document_parse_manifest, e);
	json_decref(found);
	if (*manifest != NULL && document_desc(json_object_get(*manifest, "config"), &d, e) == 0)
		*config = layout_get(from, &d, document_parse_config, e);
	return *config != NULL ? 0 : IMAGE_NONE;
}

int image_from(
    struct image *i, struct layout *to, const struct layout *from, const char *tag, const char *created, struct err *e)
{
	json_t *manifest = NULL, *config = NULL, *layer;
	struct document_desc d;
	size_t k;
	int rc = image_new(i, created, e);

	if (rc == 0)
		rc = read_base(from, tag, &manifest, &config, e);
	if (rc == 0 && inherit(i, manifest, config, e) < 0)
		rc = IMAGE_NONE;
	json_array_foreach (json_object_get(manifest, "layers"), k, layer) {
		if (rc == 0 && (document_desc(layer, &d, e) < 0 || layout_import(to, from, &d, e) < 0))
			rc = -1;
	}
	json_decref(manifest);
	json_decref(config);
	return rc;
}

int image_add_layer(struct image *i, const struct pack *p, struct err *e)
{
	json_t *desc = document_new_desc(media[p->spec.kind], p->sums.hex, p->sums.size);
	json_t *layers = json_object_get(i->manifest, "layers");
	json_t *ids = json_object_get(json_object_get(i->config, "rootfs"), "diff_ids");
	json_t *history = json_object_get(i->config, "history");

	if ((p->annotations != NULL && json_object_set(desc, "annotations", p->annotations) < 0) ||
	    json_array_append(layers, desc) < 0) {
		json_decref(desc);
		return err_no_memory(e);
	}
	json_decref(desc);
	if (json_array_append_new(ids, json_sprintf("sha256:%s", p->sums.raw_hex)) < 0)
		return err_no_memory(e);
	if (history != NULL &&
	    json_array_append_new(history, json_pack("{s:s, s:s}", "created", i->created, "created_by", "ocipack")) < 0)
		return err_no_memory(e);
	return 0;
}

int image_store(struct image *i, struct layout *l, const char *tag, struct err *e)
{
	char hex[SHA256_HEX];
	uint64_t size;
	json_t *desc;

	if (layout_put(l, i->config, hex, &size, e) < 0)
		return -1;
	desc = document_new_desc(OCI_MEDIA_CONFIG, hex, size);
	if (json_object_set_new(i->manifest, "config", desc) < 0)
		return err_no_memory(e);
	if (layout_put(l, i->manifest, i->hex, &size, e) < 0)
		return -1;
	desc = document_new_desc(OCI_MEDIA_MANIFEST, i->hex, size);
	return desc != NULL ? layout_tag(l, tag, desc, e) : err_no_memory(e);
}

json_t *image_summary(const struct image *i)
{
	json_t *ids = json_object_get(json_object_get(i->config, "rootfs"), "diff_ids"), *layer;
	json_t *layers = json_array(), *config = json_object_get(i->manifest, "config");
	size_t k;

	json_array_foreach (json_object_get(i->manifest, "layers"), k, layer) {
		(void)json_array_append_new(
		    layers, json_pack("{s:O, s:O, s:O, s:O}", "digest", json_object_get(layer, "digest"), "diffid",
				json_array_get(ids, k), "size", json_object_get(layer, "size"), "media",
				json_object_get(layer, "mediaType")));
	}
	return json_pack("{s:s+, s:O, s:o}", "manifest", "sha256:", i->hex, "config", json_object_get(config, "digest"),
	    "layers", layers);
}
