#include "disk/image.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "disk/artifact.h"
#include "disk/pack.h"

/* Reads the manifest of TAG. Returns a new reference or NULL. */
static json_t *read_manifest(const struct layout *from, const char *tag, struct err *e)
{
	json_t *found = layout_find(from, tag, e), *manifest = NULL;
	struct document_desc d;

	if (found != NULL && document_desc(found, &d, e) == 0)
		manifest = layout_get(from, &d, document_parse_manifest, e);
	json_decref(found);
	return manifest;
}

/* Imports the windows that FROM has into TO. Returns 0 or -1. */
static int import(const struct disk *d, struct layout *to, const struct layout *from, struct err *e)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		const struct document_desc desc = { DISK_MEDIA_WINDOW, d->v[i].hex, d->v[i].size };
		AUTO_FREE char *path = layout_path(from, LAYOUT_BLOBS, desc.hex, e);

		if (path == NULL)
			return -1;
		if (access(path, F_OK) == 0 && layout_import(to, from, &desc, e) < 0)
			return -1;
	}
	return 0;
}

/*
 * Reads the disk TAG of FROM and imports into TO those of its windows that FROM has; the others may be in a registry.
 * Returns 0, -1 or DISKIMAGE_NONE. Call disk_free in every case.
 */
static int read_disk(struct disk *d, struct layout *to, const struct layout *from, const char *tag, struct err *e)
{
	json_t *manifest = read_manifest(from, tag, e);
	AUTO_FREE char *text = NULL;
	struct document_desc config;
	size_t n = 0;
	int rc = DISKIMAGE_NONE;

	*d = (struct disk){ 0 };
	if (manifest != NULL && !disk_is(manifest))
		(void)err_set(e, "%s: '%s' is not a disk", from->dir, tag);
	else if (manifest != NULL && document_desc(json_object_get(manifest, "config"), &config, e) == 0)
		text = layout_text(from, &config, &n, e);
	if (text != NULL && disk_parse(d, manifest, text, n, e) == 0)
		rc = 0;
	else if (text != NULL)
		(void)err_prefix(e, "%s: %s", from->dir, tag);
	json_decref(manifest);
	return rc == 0 && from != to ? import(d, to, from, e) : rc;
}

/* The descriptor of the image TAG of L. Returns a new reference or NULL. */
static json_t *find_subject(const struct layout *l, const char *tag, struct err *e)
{
	json_t *found = layout_find(l, tag, e), *desc = NULL;
	struct document_desc d;

	if (found != NULL && document_desc(found, &d, e) == 0 &&
	    (desc = document_new_desc(d.media, d.hex, d.size)) == NULL)
		(void)err_no_memory(e);
	json_decref(found);
	return desc;
}

/*
 * Stores the documents of D and makes TAG name them. Takes the reference SUBJECT, a descriptor or NULL. Returns 0, -1
 * or LAYOUT_LATE.
 */
static int store(const struct disk *d, struct layout *l, const char *tag, json_t *subject, json_t *notes,
    char hex[SHA256_HEX], struct err *e)
{
	json_t *config = disk_config(d), *manifest, *desc;
	char config_hex[SHA256_HEX];
	uint64_t size;
	int rc = config != NULL ? layout_put(l, config, config_hex, &size, e) : err_no_memory(e);

	json_decref(config);
	if (rc < 0) {
		json_decref(subject);
		return -1;
	}
	manifest = disk_manifest(d, document_new_desc(DISK_MEDIA_CONFIG, config_hex, size), subject);
	if (manifest == NULL || (notes != NULL && json_object_set(manifest, "annotations", notes) < 0))
		rc = err_no_memory(e);
	if (rc == 0)
		rc = layout_put(l, manifest, hex, &size, e);
	json_decref(manifest);
	if (rc < 0)
		return -1;
	desc = document_new_desc(OCI_MEDIA_MANIFEST, hex, size);
	/* Readers of the index can tell that it is a disk. */
	if (desc == NULL || json_object_set_new(desc, "artifactType", json_string(DISK_ARTIFACT)) < 0) {
		json_decref(desc);
		return err_no_memory(e);
	}
	return layout_tag(l, tag, desc, e);
}

/* Reads the earlier disk FROM, if any. Returns 0, -1, LAYOUT_LATE or DISKIMAGE_NONE. */
static int read_old(const char *tag, struct layout *l, struct disk *old, struct err *e)
{
	struct layout from = { .index_lock = -1, .blobs_lock = -1 };
	int rc;

	if (tag == NULL)
		return 0;
	rc = layout_open_from(&from, &tag, l->deadline, e);
	if (rc == 0)
		rc = read_disk(old, l, from.dir != NULL ? &from : l, tag, e);
	layout_close(&from);
	return rc;
}

int diskimage_find(struct disklayer *d, const struct layout *l, struct layout *from, const char *image,
    json_t **subject, struct err *e)
{
	const char *tag = image;
	json_t *manifest;
	int rc = layout_open_from(from, &tag, l->deadline, e);

	if (rc < 0)
		return rc;
	l = from->dir != NULL ? from : l;
	manifest = read_manifest(l, tag, e);
	if (manifest == NULL)
		return DISKIMAGE_NONE;
	rc = disklayer_find(d, l, manifest, e);
	if (rc > 0 && subject != NULL && (*subject = find_subject(l, tag, e)) == NULL)
		rc = DISKIMAGE_NONE;
	json_decref(manifest);
	return rc;
}

/* Packs the disk PATH into L, and stores its documents. Returns as diskimage_build does. */
static int pack(struct diskimage *d, const char *path, const char *format, struct layout *l, const char *tag,
    json_t *subject, json_t *notes, struct err *e)
{
	struct disk old = { 0 };
	struct diskpack p = { .path = path, .format = format, .to = l, .old = &old };
	int rc = read_old(d->from, l, &old, e);

	if (rc == 0)
		rc = diskpack(&p, e);
	if (rc == 0)
		rc = store(&p.disk, l, tag, json_incref(subject), notes, d->hex, e);
	d->size = p.disk.size;
	d->windows = p.disk.n;
	d->fresh = p.fresh;
	disk_free(&p.disk);
	disk_free(&old);
	return rc;
}

/* Builds the disk of an image. Returns as diskimage_build does. */
static int build_of_image(struct diskimage *d, struct layout *l, const char *tag, struct err *e)
{
	struct layout from = { .index_lock = -1, .blobs_lock = -1 };
	struct disklayer layer = { 0 };
	json_t *subject = NULL, *notes = NULL;
	int rc = diskimage_find(&layer, l, &from, d->image, &subject, e);

	if (rc == 0) {
		(void)err_set(e, "%s: no uncompressed layer contains " DISKLAYER_PATH, d->image);
		rc = DISKIMAGE_NONE;
	} else if (rc > 0) {
		rc = disklayer_view(&layer, l, l->deadline, e);
	}
	if (rc == 0 && (notes = disklayer_notes(&layer, l->deadline, e)) == NULL)
		rc = -1;
	if (rc == 0)
		rc = pack(d, layer.view, "qcow2", l, tag, subject, notes, e);
	json_decref(notes);
	json_decref(subject);
	disklayer_free(&layer);
	layout_close(&from);
	return rc;
}

int diskimage_build(struct diskimage *d, struct layout *l, const char *tag, struct err *e)
{
	json_t *subject = NULL;
	int rc;

	if (d->image != NULL)
		return build_of_image(d, l, tag, e);
	if (d->subject != NULL && (subject = find_subject(l, d->subject, e)) == NULL)
		return DISKIMAGE_NONE;
	/* Never detect the format: a guest can turn a raw disk into a qcow2 image whose backing file is any file. */
	rc = pack(d, d->path, d->format != NULL ? d->format : "qcow2", l, tag, subject, d->notes, e);
	json_decref(subject);
	return rc;
}
