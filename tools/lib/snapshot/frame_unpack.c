#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/sparse.h"
#include "base/workers.h"
#include "snapshot/frames.h"

/* No frame of ours is longer than MAX_FRAME; that of a chunk of zeros is less than ZEROS. */
enum { ZEROS = 512 };
#define MAX_FRAME ZSTD_COMPRESSBOUND(SPARSE_BLOCK)
#define WINDOW (2 * MAX_FRAME)

static const unsigned char magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

struct unpacking {
	int from, to;
	uint64_t size, count;
	struct blocksum sum;
	/* Under the workers' lock: */
	uint64_t next;              /* the chunk whose frame comes next */
	unsigned char *window;      /* what has been read of FROM: */
	size_t at, n;               /* the bytes AT to N are still to be used */
	bool eof;                   /* nothing comes after them */
	unsigned char zeros[ZEROS]; /* a frame that was found to be a whole chunk of zeros */
	size_t zeros_len;           /* 0: none was found yet */
};

/* What one thread works with. */
struct unpacker {
	ZSTD_DCtx *zstd;
	unsigned char *frame, *raw;
	size_t len; /* of the frame */
};

/* Makes the window hold a whole frame, if FROM does. */
static int fill(struct unpacking *u, struct err *e)
{
	ssize_t got;

	if (u->eof || u->n - u->at >= MAX_FRAME)
		return 0;
	(void)memmove(u->window, u->window + u->at, u->n - u->at);
	u->n -= u->at;
	u->at = 0;
	while (!u->eof && u->n < WINDOW) {
		got = read(u->from, u->window + u->n, WINDOW - u->n);
		if (got < 0 && errno != EINTR)
			return err_sys(e, "read");
		u->eof = got == 0;
		if (got > 0)
			u->n += (size_t)got;
	}
	return 0;
}

/* Does the frame of a whole chunk of zeros come next? */
static bool zeros_next(const struct unpacking *u)
{
	return u->zeros_len > 0 && u->n - u->at >= u->zeros_len &&
	       memcmp(u->window + u->at, u->zeros, u->zeros_len) == 0 && block_len(u->size, u->next) == SPARSE_BLOCK;
}

/* Copies the frame of the next chunk to K, after a look at what it says of itself. */
static int cut(struct unpacking *u, struct unpacker *k, struct err *e)
{
	const unsigned char *frame = u->window + u->at;
	size_t left = u->n - u->at, len;

	if (left < sizeof magic || memcmp(frame, magic, sizeof magic) != 0)
		return err_set(e, left == 0 ? "it is cut short" : "it is not in zstd's format");
	if (ZSTD_getFrameContentSize(frame, left) != block_len(u->size, u->next))
		return err_set(e, "frame %llu is not of the size of its chunk", (unsigned long long)u->next);
	len = ZSTD_findFrameCompressedSize(frame, left);
	if (ZSTD_isError(len) || len > MAX_FRAME)
		return err_set(e, "frame %llu is cut short or damaged", (unsigned long long)u->next);
	(void)memcpy(k->frame, frame, len);
	k->len = len;
	u->at += len;
	return 0;
}

/* Takes the next frame that must be looked into. Returns 1, 0 at the end, or -1. */
static int take(struct workers *c, struct unpacking *u, struct unpacker *k, uint64_t *index, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&c->lock);
	if (!c->failed)
		rc = fill(u, e);
	while (rc == 0 && !c->failed && u->next < u->count && zeros_next(u)) {
		u->at += u->zeros_len;
		u->next++;
		rc = fill(u, e);
	}
	if (rc == 0 && !c->failed) {
		if (u->next < u->count)
			rc = cut(u, k, e) < 0 ? -1 : 1;
		else if (u->at < u->n)
			rc = err_set(e, "something follows its last frame");
	}
	if (rc == 1)
		*index = u->next++;
	(void)pthread_mutex_unlock(&c->lock);
	return rc;
}

static void learn_zeros(struct workers *c, struct unpacking *u, const struct unpacker *k)
{
	(void)pthread_mutex_lock(&c->lock);
	if (u->zeros_len == 0 && k->len <= ZEROS) {
		(void)memcpy(u->zeros, k->frame, k->len);
		u->zeros_len = k->len;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

static int unpack_one(struct workers *c, struct unpacking *u, struct unpacker *k, uint64_t index, struct err *e)
{
	size_t n = block_len(u->size, index);
	size_t got = ZSTD_decompressDCtx(k->zstd, k->raw, n, k->frame, k->len);

	if (ZSTD_isError(got) || got != n)
		return err_set(e, "frame %llu is damaged", (unsigned long long)index);
	if (block_is_zero(k->raw, n)) {
		if (n == SPARSE_BLOCK)
			learn_zeros(c, u, k);
		return 0;
	}
	return blocksum_add(&u->sum, index, k->raw, n, e) < 0 ? -1 : block_write(u->to, index, k->raw, n, e);
}

static int unpack(struct workers *c, void *job, struct err *e)
{
	struct unpacking *u = job;
	struct unpacker k = { ZSTD_createDCtx(), malloc(MAX_FRAME), malloc(SPARSE_BLOCK), 0 };
	uint64_t index = 0;
	int rc = 1;

	if (k.zstd == NULL || k.frame == NULL || k.raw == NULL)
		rc = err_no_memory(e);
	while (rc > 0 && (rc = take(c, u, &k, &index, e)) > 0)
		if (unpack_one(c, u, &k, index, e) < 0)
			rc = -1;
	(void)ZSTD_freeDCtx(k.zstd);
	free(k.frame);
	free(k.raw);
	return rc;
}

int frames_unpack(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e)
{
	struct unpacking u = { .from = from, .to = to, .size = size, .sum = BLOCKSUM_NEW };
	int rc = 0;

	u.count = size > 0 ? block_count(size) : 1;
	u.window = malloc(WINDOW);
	if (u.window == NULL)
		return err_no_memory(e);
	if (ftruncate(to, (off_t)size) < 0)
		rc = err_sys(e, "write");
	if (rc == 0)
		rc = workers_run(workers_count(SPARSE_THREADS), unpack, &u, e);
	if (rc == 0)
		rc = blocksum_end(&u.sum, size, hex, e);
	blocksum_free(&u.sum);
	free(u.window);
	return rc;
}
