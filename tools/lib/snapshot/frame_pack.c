#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/sparse.h"
#include "base/workers.h"
#include "snapshot/frames.h"

enum { LEVEL = 3 };

struct packing {
	int from, to;
	uint64_t size, count;
	const unsigned char *zeros; /* the frame of a whole chunk of zeros */
	size_t zeros_len;
	struct blocksum sum;
	/* Under the workers' lock: */
	uint64_t next; /* the chunk to take */
	uint64_t data; /* no chunk from NEXT up to here has data */
	uint64_t turn; /* the chunk whose frame is to be written */
};

/* What one thread works with. */
struct packer {
	ZSTD_CCtx *zstd;
	unsigned char *raw, *frame;
};

/* Takes the next chunk. HOLE: it need not be read. Returns whether there is one. */
static bool take(struct workers *c, struct packing *p, uint64_t *index, bool *hole)
{
	bool more;

	(void)pthread_mutex_lock(&c->lock);
	more = !c->failed && p->next < p->count;
	if (more) {
		*index = p->next++;
		if (*index >= p->data)
			p->data = block_with_data(p->from, *index, p->count);
		*hole = *index < p->data;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return more;
}

static int write_all(int fd, const unsigned char *data, size_t n, struct err *e)
{
	ssize_t put;

	for (; n > 0; data += put, n -= (size_t)put) {
		put = write(fd, data, n);
		if (put < 0 && errno != EINTR)
			return err_sys(e, "write");
		if (put < 0)
			put = 0;
	}
	return 0;
}

/* Waits for the turn of chunk INDEX and writes its frame; the lock is not held meanwhile. */
static int put(struct workers *c, struct packing *p, uint64_t index, const unsigned char *frame, size_t n, struct err *e)
{
	bool failed;
	int rc;

	(void)pthread_mutex_lock(&c->lock);
	while (!c->failed && p->turn != index)
		(void)pthread_cond_wait(&c->moved, &c->lock);
	failed = c->failed;
	(void)pthread_mutex_unlock(&c->lock);
	if (failed)
		return -1;
	rc = write_all(p->to, frame, n, e);
	(void)pthread_mutex_lock(&c->lock);
	p->turn++;
	(void)pthread_cond_broadcast(&c->moved);
	(void)pthread_mutex_unlock(&c->lock);
	return rc;
}

/* Makes the frame of N bytes. Returns its length, or 0 with the reason in E. */
static size_t compress(struct packer *k, size_t n, struct err *e)
{
	size_t len = ZSTD_compressCCtx(k->zstd, k->frame, ZSTD_compressBound(SPARSE_BLOCK), k->raw, n, LEVEL);

	if (!ZSTD_isError(len))
		return len;
	(void)err_set(e, "zstd: %s", ZSTD_getErrorName(len));
	return 0;
}

static int pack_one(struct workers *c, struct packing *p, struct packer *k, uint64_t index, bool hole, struct err *e)
{
	size_t n = block_len(p->size, index), len;
	bool zero;

	if (hole && n == SPARSE_BLOCK)
		return put(c, p, index, p->zeros, p->zeros_len, e);
	if (block_read(p->from, index, k->raw, n, e) < 0)
		return -1;
	zero = block_is_zero(k->raw, n);
	if (zero && n == SPARSE_BLOCK)
		return put(c, p, index, p->zeros, p->zeros_len, e);
	if (!zero && blocksum_add(&p->sum, index, k->raw, n, e) < 0)
		return -1;
	len = compress(k, n, e);
	return len > 0 ? put(c, p, index, k->frame, len, e) : -1;
}

static void packer_free(struct packer *k)
{
	(void)ZSTD_freeCCtx(k->zstd);
	free(k->raw);
	free(k->frame);
}

/* K->raw is a chunk of zeros at first. */
static int packer_new(struct packer *k, struct err *e)
{
	*k = (struct packer){ ZSTD_createCCtx(), calloc(1, SPARSE_BLOCK), malloc(ZSTD_compressBound(SPARSE_BLOCK)) };
	if (k->zstd != NULL && k->raw != NULL && k->frame != NULL)
		return 0;
	packer_free(k);
	return err_no_memory(e);
}

static int pack(struct workers *c, void *job, struct err *e)
{
	struct packing *p = job;
	struct packer k;
	uint64_t index;
	bool hole;
	int rc;

	rc = packer_new(&k, e);
	if (rc < 0)
		return -1;
	while (rc == 0 && take(c, p, &index, &hole))
		rc = pack_one(c, p, &k, index, hole, e);
	packer_free(&k);
	return rc;
}

int frames_pack(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e)
{
	struct packing p = { .from = from, .to = to, .size = size, .sum = BLOCKSUM_NEW };
	struct packer zeros;
	int rc;

	p.count = size > 0 ? block_count(size) : 1;
	if (packer_new(&zeros, e) < 0)
		return -1;
	p.zeros = zeros.frame;
	p.zeros_len = compress(&zeros, SPARSE_BLOCK, e);
	rc = p.zeros_len > 0 ? workers_run(workers_count(SPARSE_THREADS), pack, &p, e) : -1;
	if (rc == 0)
		rc = blocksum_end(&p.sum, size, hex, e);
	blocksum_free(&p.sum);
	packer_free(&zeros);
	return rc;
}
