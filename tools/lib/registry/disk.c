#include "registry/disk.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "disk/fill.h"
#include "disk/read.h"
#include "registry/blob_download.h"
#include "registry/image.h"
#include "registry/manifest.h"
#include "registry/referrers.h"

/* A window's frame may use at most 2^WINDOW_LOG bytes of history: that of the whole window. */
enum { WINDOW_LOG = 24, PIECE = 64 << 10 };

/* The download of a window, which is unpacked, verified and written at its offset while it arrives. */
struct window {
	struct blob_download download;
	const struct disk_window *w;
	const struct diskfile *to;
	struct stream *s; /* from the first request to the end; kept when a connection breaks */
};

struct stream {
	ZSTD_DCtx *zstd;
	struct sha256 *packed, *raw;
	uint64_t out; /* bytes written */
	bool whole;   /* the frame is complete */
	size_t n;     /* bytes of PIECE to be written */
	unsigned char piece[PIECE];
};

static void end_stream(struct window *w)
{
	if (w->s == NULL)
		return;
	(void)ZSTD_freeDCtx(w->s->zstd);
	sha256_free(w->s->packed);
	sha256_free(w->s->raw);
	free(w->s);
	w->s = NULL;
}

/* Starts again: nothing was received, and the file has a hole in place of the window. Returns 0 or -1. */
static int window_restart(void *arg, struct err *e)
{
	struct window *w = arg;
	struct stream *s;

	if (w->s != NULL && w->s->out > 0 && diskfile_clear(w->to, w->w->offset, w->w->len, e) < 0)
		return -1;
	end_stream(w);
	w->s = s = calloc(1, sizeof *s);
	if (s == NULL)
		return err_no_memory(e);
	s->zstd = ZSTD_createDCtx();
	s->packed = sha256_new();
	s->raw = sha256_new();
	if (s->zstd == NULL || s->packed == NULL || s->raw == NULL ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, WINDOW_LOG)))
		return err_no_memory(e);
	return 0;
}

static int window_begin(void *arg, uint64_t *have, struct err *e)
{
	*have = 0;
	return window_restart(arg, e);
}

/* Writes the unpacked bytes. Returns 0, -1 or BLOB_DOWNLOAD_WRONG. */
static int put_piece(struct window *w, struct err *e)
{
	struct stream *s = w->s;

	if (s->n > w->w->len - s->out) {
		(void)err_set(e, "it unpacks to more than its window");
		return BLOB_DOWNLOAD_WRONG;
	}
	if (sha256_add(s->raw, s->piece, s->n) < 0)
		return err_set(e, "cannot compute the digest");
	if (diskfile_put(w->to, w->w->offset + s->out, s->piece, s->n, e) < 0)
		return -1;
	s->out += s->n;
	s->n = 0;
	return 0;
}

static int window_add(void *arg, const char *data, size_t n, struct err *e)
{
	struct window *w = arg;
	struct stream *s = w->s;
	ZSTD_inBuffer in = { data, n, 0 };
	bool full = true;
	size_t left;
	int rc = 0;

	if (sha256_add(s->packed, data, n) < 0)
		return err_set(e, "cannot compute the digest");
	while (rc == 0 && (in.pos < in.size || full)) {
		ZSTD_outBuffer out = { s->piece, sizeof s->piece, s->n };

		if (s->whole) {
			if (in.pos == in.size)
				return 0;
			(void)err_set(e, "more than one frame");
			return BLOB_DOWNLOAD_WRONG;
		}
		left = ZSTD_decompressStream(s->zstd, &out, &in);
		if (ZSTD_isError(left)) {
			(void)err_set(e, "it cannot be unpacked: %s", ZSTD_getErrorName(left));
			return BLOB_DOWNLOAD_WRONG;
		}
		s->n = out.pos;
		s->whole = left == 0;
		/* A full buffer: the input that was consumed may yield more. */
		full = out.pos == out.size;
		if (full || s->whole)
			rc = put_piece(w, e);
	}
	return rc;
}

static int window_end(void *arg, struct err *e)
{
	struct window *w = arg;
	struct stream *s = w->s;
	struct sha256 *packed = s->packed, *raw = s->raw;
	char hex[SHA256_HEX], raw_hex[SHA256_HEX];
	bool failed;

	s->packed = s->raw = NULL;
	failed = sha256_end(packed, hex) < 0;
	failed |= sha256_end(raw, raw_hex) < 0;
	if (failed)
		return err_set(e, "cannot compute the digest");
	if (strcmp(hex, w->w->hex) != 0) {
		(void)err_set(e, "its digest is sha256:%s", hex);
		return BLOB_DOWNLOAD_WRONG;
	}
	/* The blob is what its digest says, so another attempt would yield the same. */
	if (!s->whole || s->out != w->w->len)
		return err_set(e, "it unpacks to less than its window");
	if (strcmp(raw_hex, w->w->raw) != 0)
		return err_set(e, "the digest of its window is sha256:%s", raw_hex);
	end_stream(w);
	return 0;
}

/* Gets the manifest or index REFERENCE and sets HEX to its digest. Returns 0, -1 or REGQUEUE_LATE. */
static int get_manifest(struct regdisk *d, const char *reference, const char *name, json_t **j, struct err *e)
{
	struct regmanifest doc = { .q = d->q, .name = name, .accept = REGIMAGE_ACCEPT };
	const char *hex = sha256_parse(reference);
	AUTO_FREE char *url = NULL;
	int rc;

	*j = NULL;
	if (asprintf(&url, "%s/manifests/%s", d->repo, reference) < 0) {
		url = NULL;
		return err_no_memory(e);
	}
	rc = regmanifest_get(&doc, url, hex, e);
	if (rc == 0) {
		*j = json_loadb(doc.answer.text, doc.answer.n, JSON_REJECT_DUPLICATES, NULL);
		rc = sha256_hex(doc.answer.text, doc.answer.n, d->hex);
		d->doc_size = doc.answer.n;
	}
	if (rc == 0 && disk_is(*j)) {
		json_decref(*j);
		*j = document_parse_manifest(doc.answer.text, doc.answer.n, e);
		rc = *j != NULL ? 0 : err_prefix(e, "%s", name);
	}
	regmanifest_free(&doc);
	return rc;
}

/* Replaces *J, an image, with the disk that refers to it. Returns 0, -1 or REGQUEUE_LATE. */
static int follow(struct regdisk *d, const char *name, json_t **j, struct err *e)
{
	char reference[sizeof "sha256:" + SHA256_HEX];
	json_t *found = NULL;
	struct document_desc desc;
	int rc = regreferrers_find(d->q, d->repo, d->hex, DISK_ARTIFACT, &found, e);

	json_decref(*j);
	*j = NULL;
	if (rc == 0 && json_array_size(found) == 0)
		rc = err_set(e, "%s: the registry has no disk of this image", name);
	else if (rc == 0 && json_array_size(found) > 1)
		rc = err_set(
		    e, "%s: this image has %zu disks; name one by its tag or digest", name, json_array_size(found));
	if (rc == 0 && document_desc(json_array_get(found, 0), &desc, e) < 0)
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
	struct regmanifest doc = { .q = d->q, .name = name };
	AUTO_FREE char *url = NULL;
	struct document_desc config;
	json_t *j;
	int rc = get_manifest(d, reference, name, &j, e);

	if (rc == 0 && !disk_is(j))
		rc = follow(d, name, &j, e);
	if (rc == 0)
		rc = document_desc(json_object_get(j, "config"), &config, e);
	if (rc == 0 && asprintf(&url, "%s/blobs/sha256:%s", d->repo, config.hex) < 0) {
		url = NULL;
		rc = err_no_memory(e);
	}
	if (rc == 0)
		rc = regmanifest_get(&doc, url, config.hex, e);
	if (rc == 0 && disk_parse(&d->disk, j, doc.answer.text, doc.answer.n, e) < 0)
		rc = err_prefix(e, "sha256:%s", d->hex);
	if (rc == 0)
		d->notes = json_incref(json_object_get(j, "annotations"));
	regmanifest_free(&doc);
	json_decref(j);
	return rc;
}

/* Copies windows from local disks. Returns 0 or -1. */
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

/* Forgets what regdisk_begin found. */
static void forget(struct regdisk *d)
{
	free(d->missing);
	free(d->have_);
	free(d->index_.v);
	d->missing = NULL;
	d->have_ = NULL;
	d->index_ = (struct disk_index){ 0 };
	d->nmissing = 0;
	d->total = 0;
}

int regdisk_begin(struct regdisk *d, struct err *e)
{
	size_t i;

	forget(d);
	if (d->format == NULL)
		d->format = d->disk.format;
	d->have_ = calloc(d->disk.n + 1, sizeof *d->have_);
	d->missing = calloc(d->disk.n + 1, sizeof(const struct disk_window *));
	if (d->have_ == NULL || d->missing == NULL)
		return err_no_memory(e);
	if (disk_index(&d->index_, &d->disk, e) < 0)
		return -1;
	if ((!d->dry && diskfile_open(&d->file_, d->path, d->disk.size, e) < 0) || reuse(d, e) < 0)
		return -1;
	for (i = 0; i < d->disk.n; i++) {
		if (d->have_[i])
			continue;
		d->total += d->disk.v[i].size;
		d->missing[d->nmissing++] = &d->disk.v[i];
	}
	return 0;
}

int regdisk_pull(struct regdisk *d, struct err *e)
{
	static const struct blob_download_sink sink = { window_begin, window_restart, window_add, window_end };
	struct window *v = calloc(d->nmissing + 1, sizeof *v);
	struct regtask **tasks = calloc(d->nmissing + 1, sizeof(struct regtask *));
	size_t i, n = 0;
	int rc = v != NULL && tasks != NULL ? 0 : err_no_memory(e);

	for (; rc == 0 && n < d->nmissing; n++) {
		const struct disk_window *w = d->missing[n];

		v[n].w = w;
		v[n].to = &d->file_;
		v[n].download = (struct blob_download){
			.q = d->q, .repo = d->repo, .hex = w->hex, .size = w->size, .sink = &sink, .arg = &v[n]
		};
		blob_download_init(&v[n].download);
		tasks[n] = &v[n].download.task;
	}
	if (rc == 0)
		rc = regqueue_run(d->q, tasks, n, e);
	for (i = 0; i < n; i++) {
		end_stream(&v[i]);
		blob_download_free(&v[i].download);
	}
	free(v);
	free(tasks);
	return rc == 0 ? diskfile_end(&d->file_, d->format, d->q->deadline, e) : rc;
}

void regdisk_free(struct regdisk *d)
{
	forget(d);
	if (d->file_.part != NULL)
		diskfile_close(&d->file_);
	json_decref(d->notes);
	disk_free(&d->disk);
	words_free(&d->reuse);
	*d = (struct regdisk){ 0 };
}
