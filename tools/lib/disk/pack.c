#include "disk/pack.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "disk/scan.h"

/* Another level is another digest for the same disk. */
enum { LEVEL = 3 };

struct packing {
	struct diskpack *p;
	struct disk_index old;
};

/* What one thread works with. A window is packed piece by piece: room for all of it would double the memory. */
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

/* Writes the compressed window DATA of CHUNK to TO, and finds out its size and its digest. Returns 0 or -1. */
static int compress(struct packer *w, FILE *to, struct disk_chunk *chunk, const void *data, struct err *e)
{
	struct sha256 *sum = sha256_new();
	ZSTD_inBuffer in = { data, chunk->len, 0 };
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
		chunk->size += out.pos;
	}
	if (rc < 0)
		sha256_free(sum);
	else
		rc = sha256_end(sum, chunk->hex);
	return rc == 0 ? 0 : err_set(e, "cannot compute the digest");
}

/* Compresses the window DATA of CHUNK and stores it. */
static int store(struct packer *w, struct layout *to, struct disk_chunk *chunk, const void *data, struct err *e)
{
	struct out o;

	if (layout_blob_begin(to, &o, e) < 0)
		return -1;
	if (compress(w, o.f, chunk, data, e) == 0)
		return layout_blob_end(to, &o, chunk->hex, e);
	layout_blob_abort(&o);
	return -1;
}

static int add(struct workers *w, struct diskpack *p, const struct disk_chunk *chunk, bool fresh, struct err *e)
{
	int rc;

	(void)pthread_mutex_lock(&w->lock);
	p->fresh += fresh;
	rc = disk_add(&p->disk, chunk, e);
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

static int pack_window(struct workers *w, void *arg, void **own, const struct diskscan_window *window, struct err *e)
{
	struct packing *job = arg;
	struct disk_chunk chunk = { .offset = window->offset, .len = window->n };
	const struct disk_chunk *const *old;

	if (*own == NULL && (*own = new_packer(e)) == NULL)
		return -1;
	if (sha256_hex(window->data, window->n, chunk.raw) < 0)
		return err_set(e, "cannot compute the digest");
	old = disk_find(&job->old, chunk.raw);
	if (old != NULL) {
		chunk.size = (*old)->size;
		(void)strcpy(chunk.hex, (*old)->hex);
	} else if (store(*own, job->p->to, &chunk, window->data, e) < 0) {
		return -1;
	}
	return add(w, job->p, &chunk, old == NULL, e);
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
		rc = err_set(e, "%s: an empty disk", p->path);
	disk_sort(&p->disk);
	free(job.old.v);
	return rc;
}
