#include "snapshot/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/output.h"
#include "base/sparse.h"
#include "base/workers.h"

enum { LEVEL = 3 };

/* No frame of ours is longer than MAX_FRAME; that of a block of zeros is shorter than ZEROS. */
enum { ZEROS = 512 };
#define MAX_FRAME ZSTD_COMPRESSBOUND(SPARSE_BLOCK)
#define INPUT_ROOM (2 * MAX_FRAME)

static const unsigned char magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

struct packing {
	int from, to;
	uint64_t size, count;
	const unsigned char *zeros; /* the frame of a whole block of zeros */
	size_t zeros_len;
	struct blocksum sum;
	/* Protected by the workers' lock: */
	uint64_t next; /* the next block to pack */
	uint64_t data; /* the blocks from NEXT up to this one are holes */
	uint64_t turn; /* the block whose frame is written next */
};

/* Buffers of one thread. */
struct packer {
	ZSTD_CCtx *zstd;
	unsigned char *raw, *frame;
};

/* Takes the next block; HOLE: it need not be read. Returns false if all have been taken. */
static bool take_block(struct workers *w, struct packing *p, uint64_t *index, bool *hole)
{
	bool more;

	(void)pthread_mutex_lock(&w->lock);
	more = !w->failed && p->next < p->count;
	if (more) {
		*index = p->next++;
		if (*index >= p->data)
			p->data = block_with_data(p->from, *index, p->count);
		*hole = *index < p->data;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return more;
}

/* Waits for the turn of block INDEX and writes its frame, without holding the lock. */
static int put_frame(
    struct workers *w, struct packing *p, uint64_t index, const unsigned char *frame, size_t n, struct err *e)
{
	bool failed;
	int rc;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->failed && p->turn != index)
		(void)pthread_cond_wait(&w->moved, &w->lock);
	failed = w->failed;
	(void)pthread_mutex_unlock(&w->lock);
	if (failed)
		return -1;
	rc = out_write(p->to, frame, n) < 0 ? err_sys(e, "write") : 0;
	(void)pthread_mutex_lock(&w->lock);
	p->turn++;
	(void)pthread_cond_broadcast(&w->moved);
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

/* Compresses the first N bytes of K->raw to K->frame. Returns the length of the frame, or 0 on error. */
static size_t compress(struct packer *k, size_t n, struct err *e)
{
	size_t len = ZSTD_compressCCtx(k->zstd, k->frame, ZSTD_compressBound(SPARSE_BLOCK), k->raw, n, LEVEL);

	if (!ZSTD_isError(len))
		return len;
	(void)err_set(e, "zstd: %s", ZSTD_getErrorName(len));
	return 0;
}

static int pack_one(struct workers *w, struct packing *p, struct packer *k, uint64_t index, bool hole, struct err *e)
{
	size_t n = block_len(p->size, index), len;
	bool zero;

	if (hole && n == SPARSE_BLOCK)
		return put_frame(w, p, index, p->zeros, p->zeros_len, e);
	if (block_read(p->from, index, k->raw, n, e) < 0)
		return -1;
	zero = block_is_zero(k->raw, n);
	if (zero && n == SPARSE_BLOCK)
		return put_frame(w, p, index, p->zeros, p->zeros_len, e);
	if (!zero && blocksum_add(&p->sum, index, k->raw, n, e) < 0)
		return -1;
	len = compress(k, n, e);
	return len > 0 ? put_frame(w, p, index, k->frame, len, e) : -1;
}

static void packer_free(struct packer *k)
{
	(void)ZSTD_freeCCtx(k->zstd);
	free(k->raw);
	free(k->frame);
}

/* Allocates the buffers; K->raw is all zeros. */
static int packer_new(struct packer *k, struct err *e)
{
	*k = (struct packer){ ZSTD_createCCtx(), calloc(1, SPARSE_BLOCK), malloc(ZSTD_compressBound(SPARSE_BLOCK)) };
	if (k->zstd != NULL && k->raw != NULL && k->frame != NULL)
		return 0;
	packer_free(k);
	return err_no_memory(e);
}

static int pack_blocks(struct workers *w, void *job, struct err *e)
{
	struct packing *p = job;
	struct packer k;
	uint64_t index;
	bool hole;
	int rc;

	rc = packer_new(&k, e);
	if (rc < 0)
		return -1;
	while (rc == 0 && take_block(w, p, &index, &hole))
		rc = pack_one(w, p, &k, index, hole, e);
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
	rc = p.zeros_len > 0 ? workers_run(workers_count(SPARSE_THREADS), pack_blocks, &p, e) : -1;
	if (rc == 0)
		rc = blocksum_end(&p.sum, size, hex, e);
	blocksum_free(&p.sum);
	packer_free(&zeros);
	return rc;
}

struct unpacking {
	int from, to;
	uint64_t size, count;
	struct blocksum sum;
	/* Protected by the workers' lock: */
	uint64_t next;              /* the block whose frame comes next */
	unsigned char *input;       /* read ahead from FROM; INPUT_ROOM bytes */
	size_t at, n;               /* the bytes from AT to N have not been used yet */
	bool eof;                   /* FROM ends after them */
	unsigned char zeros[ZEROS]; /* a frame that was found to be a whole block of zeros */
	size_t zeros_len;           /* 0: none found yet */
};

/* Buffers of one thread. */
struct unpacker {
	ZSTD_DCtx *zstd;
	unsigned char *frame, *raw;
	size_t len; /* of the frame */
};

/* Reads ahead until the input holds a whole frame or FROM ends. */
static int fill_input(struct unpacking *u, struct err *e)
{
	ssize_t got;

	if (u->eof || u->n - u->at >= MAX_FRAME)
		return 0;
	(void)memmove(u->input, u->input + u->at, u->n - u->at);
	u->n -= u->at;
	u->at = 0;
	while (!u->eof && u->n < INPUT_ROOM) {
		got = read(u->from, u->input + u->n, INPUT_ROOM - u->n);
		if (got < 0 && errno != EINTR)
			return err_sys(e, "read");
		u->eof = got == 0;
		if (got > 0)
			u->n += (size_t)got;
	}
	return 0;
}

/* Is the next frame a whole block of zeros? */
static bool zeros_next(const struct unpacking *u)
{
	return u->zeros_len > 0 && u->n - u->at >= u->zeros_len &&
	       memcmp(u->input + u->at, u->zeros, u->zeros_len) == 0 && block_len(u->size, u->next) == SPARSE_BLOCK;
}

/* Copies the frame of the next block to K, after checking its header. */
static int copy_frame(struct unpacking *u, struct unpacker *k, struct err *e)
{
	const unsigned char *frame = u->input + u->at;
	size_t left = u->n - u->at, len;

	if (left < sizeof magic || memcmp(frame, magic, sizeof magic) != 0)
		return err_set(e, left == 0 ? "truncated" : "not in zstd format");
	if (ZSTD_getFrameContentSize(frame, left) != block_len(u->size, u->next))
		return err_set(e, "frame %llu does not have the size of its block", (unsigned long long)u->next);
	len = ZSTD_findFrameCompressedSize(frame, left);
	if (ZSTD_isError(len) || len > MAX_FRAME)
		return err_set(e, "frame %llu is truncated or damaged", (unsigned long long)u->next);
	(void)memcpy(k->frame, frame, len);
	k->len = len;
	u->at += len;
	return 0;
}

/* Takes the next frame that must be decompressed. Returns 1, 0 at the end, or -1. */
static int take_frame(struct workers *w, struct unpacking *u, struct unpacker *k, uint64_t *index, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&w->lock);
	if (!w->failed)
		rc = fill_input(u, e);
	while (rc == 0 && !w->failed && u->next < u->count && zeros_next(u)) {
		u->at += u->zeros_len;
		u->next++;
		rc = fill_input(u, e);
	}
	if (rc == 0 && !w->failed) {
		if (u->next < u->count)
			rc = copy_frame(u, k, e) < 0 ? -1 : 1;
		else if (u->at < u->n)
			rc = err_set(e, "data after the last frame");
	}
	if (rc == 1)
		*index = u->next++;
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

static void learn_zeros(struct workers *w, struct unpacking *u, const struct unpacker *k)
{
	(void)pthread_mutex_lock(&w->lock);
	if (u->zeros_len == 0 && k->len <= ZEROS) {
		(void)memcpy(u->zeros, k->frame, k->len);
		u->zeros_len = k->len;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static int unpack_one(struct workers *w, struct unpacking *u, struct unpacker *k, uint64_t index, struct err *e)
{
	size_t n = block_len(u->size, index);
	size_t got = ZSTD_decompressDCtx(k->zstd, k->raw, n, k->frame, k->len);

	if (ZSTD_isError(got) || got != n)
		return err_set(e, "frame %llu is damaged", (unsigned long long)index);
	if (block_is_zero(k->raw, n)) {
		if (n == SPARSE_BLOCK)
			learn_zeros(w, u, k);
		return 0;
	}
	return blocksum_add(&u->sum, index, k->raw, n, e) < 0 ? -1 : block_write(u->to, index, k->raw, n, e);
}

static int unpack_frames(struct workers *w, void *job, struct err *e)
{
	struct unpacking *u = job;
	struct unpacker k = { ZSTD_createDCtx(), malloc(MAX_FRAME), malloc(SPARSE_BLOCK), 0 };
	uint64_t index = 0;
	int rc = 1;

	if (k.zstd == NULL || k.frame == NULL || k.raw == NULL)
		rc = err_no_memory(e);
	while (rc > 0 && (rc = take_frame(w, u, &k, &index, e)) > 0)
		if (unpack_one(w, u, &k, index, e) < 0)
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
	u.input = malloc(INPUT_ROOM);
	if (u.input == NULL)
		return err_no_memory(e);
	if (ftruncate(to, (off_t)size) < 0)
		rc = err_sys(e, "write");
	if (rc == 0)
		rc = workers_run(workers_count(SPARSE_THREADS), unpack_frames, &u, e);
	if (rc == 0)
		rc = blocksum_end(&u.sum, size, hex, e);
	blocksum_free(&u.sum);
	free(u.input);
	return rc;
}
