#include "disk/image.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Reads the manifest of TAG. Returns a new reference or NULL. */
static json_t *read_manifest(const struct layout *from, const char *tag, struct err *e)
{
	json_t *found = layout_find(from, tag, e), *manifest = NULL;
	struct oci_desc d;

	if (found != NULL && oci_desc(found, &d, e) == 0)
		manifest = layout_get(from, &d, oci_parse_manifest, e);
	json_decref(found);
	return manifest;
}

/* Imports the windows that FROM has into TO. Returns 0 or -1. */
static int import(const struct disk *d, struct layout *to, const struct layout *from, struct err *e)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		const struct oci_desc desc = { DISK_MEDIA_WINDOW, d->v[i].hex, d->v[i].size };
		AUTO_FREE char *path = layout_path(from, LAYOUT_BLOBS, desc.hex, e);

		if (path == NULL)
			return -1;
		if (access(path, F_OK) == 0 && layout_import(to, from, &desc, e) < 0)
			return -1;
	}
	return 0;
}

int diskimage_read(struct disk *d, struct layout *to, const struct layout *from, const char *tag, struct err *e)
{
	json_t *manifest = read_manifest(from, tag, e);
	AUTO_FREE char *text = NULL;
	struct oci_desc config;
	size_t n = 0;
	int rc = DISKIMAGE_NONE;

	*d = (struct disk){ 0 };
	if (manifest != NULL && !disk_is(manifest))
		(void)err_set(e, "%s: '%s' is not a disk", from->dir, tag);
	else if (manifest != NULL && oci_desc(json_object_get(manifest, "config"), &config, e) == 0)
		text = layout_text(from, &config, &n, e);
	if (text != NULL && disk_parse(d, manifest, text, n, e) == 0)
		rc = 0;
	else if (text != NULL)
		(void)err_prefix(e, "%s: %s", from->dir, tag);
	json_decref(manifest);
	return rc == 0 && from != to ? import(d, to, from, e) : rc;
}

/* The descriptor of the image TAG. Returns a new reference or NULL. */
static json_t *subject_of(const struct layout *l, const char *tag, struct err *e)
{
	json_t *found = layout_find(l, tag, e), *desc = NULL;
	struct oci_desc d;

	if (found != NULL && oci_desc(found, &d, e) == 0 && (desc = oci_new_desc(d.media, d.hex, d.size)) == NULL)
		(void)err_no_memory(e);
	json_decref(found);
	return desc;
}

int diskimage_store(const struct disk *d, struct layout *l, const char *tag, const char *subject, json_t *notes,
    char hex[SHA256_HEX], struct err *e)
{
	json_t *config = disk_config(d), *manifest, *about = NULL, *desc;
	char config_hex[SHA256_HEX];
	uint64_t size;
	int rc = config != NULL ? layout_put(l, config, config_hex, &size, e) : err_no_memory(e);

	json_decref(config);
	if (rc < 0)
		return -1;
	if (subject != NULL && (about = subject_of(l, subject, e)) == NULL)
		return DISKIMAGE_NONE;
	manifest = disk_manifest(d, oci_new_desc(DISK_MEDIA_CONFIG, config_hex, size), about);
	if (manifest == NULL || (notes != NULL && json_object_set(manifest, "annotations", notes) < 0))
		rc = err_no_memory(e);
	if (rc == 0)
		rc = layout_put(l, manifest, hex, &size, e);
	json_decref(manifest);
	if (rc < 0)
		return -1;
	desc = oci_new_desc(OCI_MEDIA_MANIFEST, hex, size);
	/* Readers of the index can tell that it is a disk. */
	if (desc == NULL || json_object_set_new(desc, "artifactType", json_string(DISK_ARTIFACT)) < 0) {
		json_decref(desc);
		return err_no_memory(e);
	}
	return layout_tag(l, tag, desc, e);
}
