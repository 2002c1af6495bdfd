#include "base/sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/workers.h"

/* Shorter runs of zeros are written: a hole costs a system call, and many holes make a file slow to read. */
enum { HOLE_SIZE = 64 << 10 };

struct blocksum_one {
	uint64_t index;
	unsigned char md[SHA256_RAW];
};

uint64_t block_count(uint64_t size)
{
	return size / SPARSE_BLOCK + (size % SPARSE_BLOCK != 0);
}

size_t block_len(uint64_t size, uint64_t index)
{
	uint64_t left = size - index * SPARSE_BLOCK;

	return left < SPARSE_BLOCK ? (size_t)left : SPARSE_BLOCK;
}

bool block_is_zero(const unsigned char *data, size_t n)
{
	/* Each byte is the one before it, and the first is zero: memcmp is the fastest loop for this. */
	return n == 0 || (data[0] == 0 && memcmp(data, data + 1, n - 1) == 0);
}

uint64_t block_with_data(int fd, uint64_t from, uint64_t count)
{
	off_t at = from < count ? lseek(fd, (off_t)(from * SPARSE_BLOCK), SEEK_DATA) : -1;

	if (from >= count || (at < 0 && errno == ENXIO))
		return count;
	/* The file system does not report holes: all of the file is data. */
	if (at < 0)
		return from;
	return (uint64_t)at / SPARSE_BLOCK < count ? (uint64_t)at / SPARSE_BLOCK : count;
}

int block_read(int fd, uint64_t index, void *data, size_t n, struct err *e)
{
	off_t at = (off_t)(index * SPARSE_BLOCK);
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = pread(fd, (char *)data + done, n - done, at + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read");
		if (got == 0)
			return err_set(e, "file shrank while it was being read");
		done += (size_t)got;
	}
	return 0;
}

static int write_at(int fd, uint64_t at, const unsigned char *data, size_t n)
{
	size_t done = 0;
	ssize_t put;

	while (done < n) {
		put = pwrite(fd, data + done, n - done, (off_t)(at + done));
		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0)
			done += (size_t)put;
	}
	return 0;
}

int sparse_write(int fd, uint64_t at, const unsigned char *data, size_t n)
{
	size_t begin = 0, end, len;

	/* BEGIN..END is the run of data that has been found but not written yet. */
	for (end = 0; end < n; end += len) {
		len = n - end < HOLE_SIZE ? n - end : HOLE_SIZE;
		if (!block_is_zero(data + end, len))
			continue;
		if (write_at(fd, at + begin, data + begin, end - begin) < 0)
			return -1;
		begin = end + len;
	}
	return write_at(fd, at + begin, data + begin, end - begin);
}

int block_write(int fd, uint64_t index, const unsigned char *data, size_t n, struct err *e)
{
	return sparse_write(fd, index * SPARSE_BLOCK, data, n) == 0 ? 0 : err_sys(e, "write");
}

static int grow(struct blocksum *s)
{
	size_t room = s->room_ == 0 ? 256 : 2 * s->room_;
	struct blocksum_one *v = reallocarray(s->v_, room, sizeof *v);

	if (v == NULL)
		return -1;
	s->v_ = v;
	s->room_ = room;
	return 0;
}

int blocksum_add(struct blocksum *s, uint64_t index, const void *data, size_t n, struct err *e)
{
	struct blocksum_one one = { .index = index };
	int rc;

	if (sha256_raw(data, n, one.md) < 0)
		return err_set(e, "cannot compute the digest");
	(void)pthread_mutex_lock(&s->lock_);
	rc = s->n_ == s->room_ ? grow(s) : 0;
	if (rc == 0)
		s->v_[s->n_++] = one;
	(void)pthread_mutex_unlock(&s->lock_);
	return rc == 0 ? 0 : err_no_memory(e);
}

static int by_index(const void *a, const void *b)
{
	const struct blocksum_one *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static int add_number(struct sha256 *sum, uint64_t v)
{
	unsigned char be[8];
	int i;

	for (i = 7; i >= 0; i--, v >>= 8)
		be[i] = (unsigned char)v;
	return sha256_add(sum, be, sizeof be);
}

int blocksum_end(struct blocksum *s, uint64_t size, char hex[SHA256_HEX], struct err *e)
{
	struct sha256 *sum = sha256_new();
	size_t i;
	int rc = sum != NULL ? 0 : -1;

	if (s->n_ > 0)
		qsort(s->v_, s->n_, sizeof *s->v_, by_index);
	for (i = 0; rc == 0 && i < s->n_; i++)
		rc = add_number(sum, s->v_[i].index) < 0 ? -1 : sha256_add(sum, s->v_[i].md, sizeof s->v_[i].md);
	if (rc == 0)
		rc = add_number(sum, size);
	if (rc == 0)
		return sha256_end(sum, hex) == 0 ? 0 : err_set(e, "cannot compute the digest");
	sha256_free(sum);
	return err_set(e, "cannot compute the digest");
}

void blocksum_free(struct blocksum *s)
{
	free(s->v_);
	s->v_ = NULL;
	s->n_ = s->room_ = 0;
}

struct reading {
	int from, to;
	uint64_t size, next; /* next: protected by the workers' lock */
	struct blocksum sum;
};

/* Takes the next block to read. Returns false if none is left. */
static bool take(struct workers *c, struct reading *r, uint64_t *index)
{
	uint64_t count = block_count(r->size);

	(void)pthread_mutex_lock(&c->lock);
	*index = c->failed ? count : block_with_data(r->from, r->next, count);
	r->next = *index + 1;
	(void)pthread_mutex_unlock(&c->lock);
	return *index < count;
}

static int read_blocks(struct workers *c, void *job, struct err *e)
{
	struct reading *r = job;
	AUTO_FREE unsigned char *data = malloc(SPARSE_BLOCK);
	uint64_t index;
	size_t n;

	if (data == NULL)
		return err_no_memory(e);
	while (take(c, r, &index)) {
		n = block_len(r->size, index);
		if (block_read(r->from, index, data, n, e) < 0)
			return -1;
		if (block_is_zero(data, n))
			continue;
		if (blocksum_add(&r->sum, index, data, n, e) < 0)
			return -1;
		if (r->to >= 0 && block_write(r->to, index, data, n, e) < 0)
			return -1;
	}
	return 0;
}

int blocks_digest(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e)
{
	struct reading r = { .from = from, .to = to, .size = size, .sum = BLOCKSUM_NEW };
	int rc = 0;

	if (to >= 0 && ftruncate(to, (off_t)size) < 0)
		rc = err_sys(e, "write");
	if (rc == 0)
		rc = workers_run(workers_count(SPARSE_THREADS), read_blocks, &r, e);
	if (rc == 0)
		rc = blocksum_end(&r.sum, size, hex, e);
	blocksum_free(&r.sum);
	return rc;
}
