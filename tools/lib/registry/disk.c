#include "registry/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "disk/fill.h"
#include "disk/read.h"
#include "registry/document.h"
#include "registry/image.h"
#include "registry/referrers.h"

/* Gets the manifest or index REFERENCE; HEX becomes its digest. Returns 0, -1 or REGPOOL_LATE. */
static int get_manifest(struct regdisk *d, const char *reference, const char *name, json_t **j, struct err *e)
{
	struct regdoc doc = { .p = d->p, .name = name, .accept = REGIMAGE_ACCEPT };
	const char *hex = oci_digest(reference);
	AUTO_FREE char *url = NULL;
	int rc;

	*j = NULL;
	if (asprintf(&url, "%s/manifests/%s", d->repo, reference) < 0) {
		url = NULL;
		return err_no_memory(e);
	}
	rc = regdoc_get(&doc, url, hex, e);
	if (rc == 0) {
		*j = json_loadb(doc.answer.text, doc.answer.n, JSON_REJECT_DUPLICATES, NULL);
		rc = sha256_hex(doc.answer.text, doc.answer.n, d->hex);
		d->doc_size = doc.answer.n;
	}
	if (rc == 0 && disk_is(*j)) {
		json_decref(*j);
		*j = oci_parse_manifest(doc.answer.text, doc.answer.n, e);
		rc = *j != NULL ? 0 : err_prefix(e, "%s", name);
	}
	regdoc_free(&doc);
	return rc;
}

/* Replaces *J, an image, by the disk that refers to it. Returns 0, -1 or REGPOOL_LATE. */
static int follow(struct regdisk *d, const char *name, json_t **j, struct err *e)
{
	char reference[sizeof "sha256:" + SHA256_HEX];
	json_t *found = NULL;
	struct oci_desc desc;
	int rc = regrefer_find(d->p, d->repo, d->hex, DISK_ARTIFACT, &found, e);

	json_decref(*j);
	*j = NULL;
	if (rc == 0 && json_array_size(found) == 0)
		rc = err_set(e, "%s: the registry has no disk of it", name);
	else if (rc == 0 && json_array_size(found) > 1)
		rc = err_set(e, "%s: it has %zu disks: name the one that is meant", name, json_array_size(found));
	if (rc == 0 && oci_desc(json_array_get(found, 0), &desc, e) < 0)
		rc = err_prefix(e, "%s: its disk", name);
	if (rc == 0) {
		(void)snprintf(reference, sizeof reference, "sha256:%s", desc.hex);
		rc = get_manifest(d, reference, reference, j, e);
	}
	if (rc == 0 && !disk_is(*j))
		rc = err_set(e, "%s: not a disk", reference);
	json_decref(found);
	return rc;
}

int regdisk_find(struct regdisk *d, const char *reference, const char *name, struct err *e)
{
	struct regdoc doc = { .p = d->p, .name = name };
	AUTO_FREE char *url = NULL;
	struct oci_desc config;
	json_t *j;
	int rc = get_manifest(d, reference, name, &j, e);

	if (rc == 0 && !disk_is(j))
		rc = follow(d, name, &j, e);
	if (rc == 0)
		rc = oci_desc(json_object_get(j, "config"), &config, e);
	if (rc == 0 && asprintf(&url, "%s/blobs/sha256:%s", d->repo, config.hex) < 0) {
		url = NULL;
		rc = err_no_memory(e);
	}
	if (rc == 0)
		rc = regdoc_get(&doc, url, config.hex, e);
	if (rc == 0 && disk_parse(&d->disk, j, doc.answer.text, doc.answer.n, e) < 0)
		rc = err_prefix(e, "sha256:%s", d->hex);
	regdoc_free(&doc);
	json_decref(j);
	return rc;
}

/* Takes what local disks have. Returns 0 or -1. */
static int reuse(struct regdisk *d, struct err *e)
{
	struct diskfill f = { &d->disk, &d->index_, d->dry ? NULL : &d->file_, d->have_ };
	size_t i;
	int rc = 0;

	if (d->file_.old)
		rc = diskfill(&f, d->file_.part, "raw", true, e);
	if (rc == 0 && d->file_.old)
		rc = diskfill_clear(&f, e);
	for (i = 0; rc == 0 && i < d->reuse.n; i++) {
		AUTO_FREE char *path = strdup(d->reuse.v[i]);
		char *equals = path != NULL ? strrchr(path, '=') : NULL;

		if (path == NULL)
			return err_no_memory(e);
		if (equals != NULL)
			*equals = '\0';
		rc = diskfill(&f, path, equals != NULL ? equals + 1 : "qcow2", false, e);
	}
	return rc;
}

int regdisk_begin(struct regdisk *d, struct err *e)
{
	size_t i;

	if (d->format == NULL)
		d->format = d->disk.format;
	d->have_ = calloc(d->disk.n + 1, sizeof *d->have_);
	d->chunks = calloc(d->disk.n + 1, sizeof *d->chunks);
	if (d->have_ == NULL || d->chunks == NULL)
		return err_no_memory(e);
	if (disk_index(&d->index_, &d->disk, e) < 0)
		return -1;
	if ((!d->dry && diskfile_open(&d->file_, d->path, d->disk.size, e) < 0) || reuse(d, e) < 0)
		return -1;
	for (i = 0; i < d->disk.n; i++) {
		if (d->have_[i])
			continue;
		d->total += d->disk.v[i].size;
		d->chunks[d->nchunks] =
		    (struct regchunk){ .p = d->p, .repo = d->repo, .chunk = &d->disk.v[i], .to = &d->file_ };
		regchunk_init(&d->chunks[d->nchunks]);
		d->nchunks++;
	}
	return 0;
}

int regdisk_pull(struct regdisk *d, struct err *e)
{
	struct regtask **tasks = calloc(d->nchunks + 1, sizeof(struct regtask *));
	size_t i;
	int rc;

	if (tasks == NULL)
		return err_no_memory(e);
	for (i = 0; i < d->nchunks; i++) {
		tasks[i] = &d->chunks[i].task;
	}
	rc = regpool_run(d->p, tasks, d->nchunks, e);
	free(tasks);
	return rc == 0 ? diskfile_end(&d->file_, d->format, d->p->deadline, e) : rc;
}

void regdisk_free(struct regdisk *d)
{
	size_t i;

	for (i = 0; i < d->nchunks; i++)
		regchunk_free(&d->chunks[i]);
	free(d->chunks);
	free(d->have_);
	free(d->index_.v);
	if (d->file_.part != NULL)
		diskfile_close(&d->file_);
	disk_free(&d->disk);
	words_free(&d->reuse);
	*d = (struct regdisk){ 0 };
}
