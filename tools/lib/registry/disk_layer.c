#include "registry/disk_layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "disk/layer.h"
#include "registry/disk.h"

/* What is known while the layer is being made. */
struct work {
	struct disklayer old;
	struct regdisk disk;
	struct disklayer_recipe recipe;
	char *raw, *made; /* temporary files: the disk, and the layer */
};

/* Does the layout have the layer, or a part of it? */
static bool has(const struct layout *l, const char *hex)
{
	struct err ignored;
	AUTO_FREE char *path = layout_path(l, LAYOUT_BLOBS, hex, &ignored);
	AUTO_FREE char *part = NULL;

	if (asprintf(&part, "%s/" LAYOUT_TEMP "%s", l->dir, hex) < 0)
		part = NULL;
	return path == NULL || part == NULL || access(path, F_OK) == 0 || access(part, F_OK) == 0;
}

/* Is there a layer in MANIFEST that may contain the disk and has to be downloaded? */
static bool lacks_layer(const struct layout *l, const json_t *manifest)
{
	const json_t *layer;
	struct document_desc desc;
	struct err ignored;
	size_t i;

	json_array_foreach (json_object_get(manifest, "layers"), i, layer)
		if (document_desc(layer, &desc, &ignored) == 0 && strcmp(desc.media, OCI_MEDIA_LAYER) == 0 &&
		    !has(l, desc.hex))
			return true;
	return false;
}

/*
 * Finds the disk's artifact and decides whether to use it. It pays if at most half of the layer's size is new. Returns
 * 1, 0 if the layout has the layer, -1 or REGQUEUE_LATE.
 */
static int usable(const struct regdisklayer *r, struct work *w, const json_t *manifest, struct err *e)
{
	struct regdisk *d = &w->disk;
	char reference[sizeof "sha256:" + SHA256_HEX];
	AUTO_FREE char *name = NULL;
	struct document_desc layer;
	int rc;

	(void)snprintf(reference, sizeof reference, "sha256:%s", r->image->hex);
	if (asprintf(&name, "%s/%s@%s", r->host, r->repo, reference) < 0) {
		name = NULL;
		return err_no_memory(e);
	}
	*d = (struct regdisk){ .q = r->q, .repo = r->repo, .path = w->raw, .format = "raw", .dry = true };
	if (words_add(&d->reuse, w->old.view) < 0)
		return err_no_memory(e);
	rc = regdisk_find(d, reference, name, e);
	if (rc < 0)
		return rc;
	if (disklayer_parse(&w->recipe, d->notes, e) < 0)
		return -1;
	if (!document_find_digest(json_object_get(manifest, "layers"), w->recipe.hex, &layer) || layer.size == 0)
		return err_set(e, "the disk does not belong to a layer of the image");
	if (has(r->l, w->recipe.hex))
		return 0;
	if (regdisk_begin(d, e) < 0)
		return -1;
	if (d->total > layer.size / 2)
		return err_set(e, "too much is new: %llu of %llu bytes of the layer", (unsigned long long)d->total,
		    (unsigned long long)layer.size);
	return disklayer_probe(&w->recipe, w->old.dir, r->q->deadline, e) < 0 ? -1 : 1;
}

/* Downloads the windows, makes the layer and puts it into the layout. Returns 1, 0, -1 or REGQUEUE_LATE. */
static int make(struct regdisklayer *r, struct work *w, struct err *e)
{
	AUTO_FREE char *part = NULL;
	int rc;

	if (asprintf(&part, "%s/" LAYOUT_TEMP "%s", r->l->dir, w->recipe.hex) < 0) {
		part = NULL;
		return err_no_memory(e);
	}
	w->disk.dry = false;
	rc = regdisk_begin(&w->disk, e);
	if (rc == 0)
		rc = regdisk_pull(&w->disk, e);
	if (rc == 0)
		rc = disklayer_make(&w->recipe, &w->old, w->raw, w->made, r->q->deadline, e);
	if (rc < 0)
		return rc;
	/* Another process may have begun to download the layer. */
	if (link(w->made, part) < 0)
		return errno == EEXIST ? 0 : err_sys(e, "%s", part);
	(void)strcpy(r->made, w->recipe.hex);
	(void)strcpy(r->from, w->old.hex);
	return 1;
}

/* Returns as regdisklayer_make does. */
static int work(struct regdisklayer *r, struct work *w, const json_t *manifest, struct err *e)
{
	AUTO_FREE char *repo = NULL;
	int rc;

	if (asprintf(&repo, "%s/%s", r->host, r->repo) < 0) {
		repo = NULL;
		return err_no_memory(e);
	}
	rc = disklayer_find_earlier(&w->old, r->l, repo, e);
	if (rc <= 0)
		return rc;
	if (disklayer_view(&w->old, r->l, r->q->deadline, e) < 0)
		return -1;
	if (asprintf(&w->raw, "%s/raw", w->old.dir) < 0)
		w->raw = NULL;
	if (asprintf(&w->made, "%s/layer", w->old.dir) < 0)
		w->made = NULL;
	if (w->raw == NULL || w->made == NULL)
		return err_no_memory(e);
	rc = usable(r, w, manifest, e);
	return rc > 0 ? make(r, w, e) : rc;
}

int regdisklayer_make(struct regdisklayer *r, struct err *e)
{
	const struct document_desc desc = { r->image->media, r->image->hex, r->image->size };
	struct work w = { 0 };
	json_t *manifest;
	int rc = 0;

	/* An index names images of several platforms; none of ours is one. */
	if (strcmp(desc.media, OCI_MEDIA_MANIFEST) != 0)
		return 0;
	manifest = layout_get(r->l, &desc, document_parse_manifest, e);
	if (manifest == NULL)
		return -1;
	if (lacks_layer(r->l, manifest))
		rc = work(r, &w, manifest, e);
	regdisk_free(&w.disk);
	disklayer_free(&w.old);
	json_decref(manifest);
	free(w.raw);
	free(w.made);
	return rc;
}
