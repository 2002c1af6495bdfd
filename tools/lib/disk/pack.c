#include "disk/pack.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "disk/scan.h"

/* Another level gives another digest for the same disk. */
enum { LEVEL = 3 };

struct packing {
	struct diskpack *p;
	struct disk_index old;
};

/* The memory of one thread. A window is packed piece by piece: a buffer for all of it would double the memory. */
struct packer {
	ZSTD_CCtx *zstd;
	unsigned char piece[128 * 1024];
};

static void end_packer(void *arg)
{
	struct packer *w = arg;

	(void)ZSTD_freeCCtx(w->zstd);
	free(w);
}

static struct packer *new_packer(struct err *e)
{
	struct packer *w = calloc(1, sizeof *w);

	if (w != NULL) {
		w->zstd = ZSTD_createCCtx();
		if (w->zstd != NULL && !ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL)) &&
		    !ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1)))
			return w;
		end_packer(w);
	}
	(void)err_no_memory(e);
	return NULL;
}

/* Compresses DATA, the bytes of WINDOW, to TO, and sets the size and the digest of the blob. Returns 0 or -1. */
static int compress(struct packer *w, FILE *to, struct disk_window *window, const void *data, struct err *e)
{
	struct sha256 *sum = sha256_new();
	ZSTD_inBuffer in = { data, window->len, 0 };
	size_t left = 1;
	int rc = sum != NULL ? 0 : -1;

	while (rc == 0 && left > 0) {
		ZSTD_outBuffer out = { w->piece, sizeof w->piece, 0 };

		left = ZSTD_compressStream2(w->zstd, &out, &in, ZSTD_e_end);
		if (ZSTD_isError(left)) {
			sha256_free(sum);
			return err_set(e, "zstd: %s", ZSTD_getErrorName(left));
		}
		rc = sha256_add(sum, w->piece, out.pos);
		(void)fwrite(w->piece, 1, out.pos, to);
		window->size += out.pos;
	}
	if (rc < 0)
		sha256_free(sum);
	else
		rc = sha256_end(sum, window->hex);
	return rc == 0 ? 0 : err_set(e, "cannot compute the digest");
}

/* Compresses DATA, the bytes of WINDOW, and stores the blob. Returns 0 or -1. */
static int store(struct packer *w, struct layout *to, struct disk_window *window, const void *data, struct err *e)
{
	struct out o;

	if (layout_blob_begin(to, &o, e) < 0)
		return -1;
	if (compress(w, o.f, window, data, e) == 0)
		return layout_blob_end(to, &o, window->hex, e);
	layout_blob_abort(&o);
	return -1;
}

static int add(struct workers *w, struct diskpack *p, const struct disk_window *window, bool fresh, struct err *e)
{
	int rc;

	(void)pthread_mutex_lock(&w->lock);
	p->fresh += fresh;
	rc = disk_add(&p->disk, window, e);
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

static int pack_window(struct workers *w, void *arg, void **own, const struct diskscan_window *from, struct err *e)
{
	struct packing *job = arg;
	struct disk_window window = { .offset = from->offset, .len = from->n };
	const struct disk_window *const *old;

	if (*own == NULL && (*own = new_packer(e)) == NULL)
		return -1;
	if (sha256_hex(from->data, from->n, window.raw) < 0)
		return err_set(e, "cannot compute the digest");
	old = disk_find(&job->old, window.raw);
	if (old != NULL) {
		window.size = (*old)->size;
		(void)strcpy(window.hex, (*old)->hex);
	} else if (store(*own, job->p->to, &window, from->data, e) < 0) {
		return -1;
	}
	return add(w, job->p, &window, old == NULL, e);
}

int diskpack(struct diskpack *p, struct err *e)
{
	struct packing job = { .p = p };
	struct diskscan scan = {
		.path = p->path, .format = p->format, .found = pack_window, .end = end_packer, .arg = &job
	};
	int rc = disk_index(&job.old, p->old, e);

	p->disk = (struct disk){ 0 };
	(void)strcpy(p->disk.format, p->format);
	if (rc == 0)
		rc = diskscan(&scan, e);
	p->disk.size = scan.size;
	if (rc == 0 && scan.size == 0)
		rc = err_set(e, "%s: disk is empty", p->path);
	disk_sort(&p->disk);
	free(job.old.v);
	return rc;
}
