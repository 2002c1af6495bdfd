#include "base/sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/workers.h"

/* Zeros of less than this are written: a hole costs a call, and more of them make a file slow to read. */
enum { HOLE_SIZE = 64 << 10 };

struct chunksum_one {
	uint64_t index;
	unsigned char md[SHA256_RAW];
};

uint64_t chunk_count(uint64_t size)
{
	return size / CHUNK_SIZE + (size % CHUNK_SIZE != 0);
}

size_t chunk_len(uint64_t size, uint64_t index)
{
	uint64_t left = size - index * CHUNK_SIZE;

	return left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
}

bool chunk_is_zero(const unsigned char *data, size_t n)
{
	/* Each byte is the one before it, and the first is zero: memcmp is the fastest loop there is. */
	return n == 0 || (data[0] == 0 && memcmp(data, data + 1, n - 1) == 0);
}

uint64_t chunk_with_data(int fd, uint64_t from, uint64_t count)
{
	off_t at = from < count ? lseek(fd, (off_t)(from * CHUNK_SIZE), SEEK_DATA) : -1;

	if (from >= count || (at < 0 && errno == ENXIO))
		return count;
	/* A file system that does not know: all of it is data. */
	if (at < 0)
		return from;
	return (uint64_t)at / CHUNK_SIZE < count ? (uint64_t)at / CHUNK_SIZE : count;
}

int chunk_read(int fd, uint64_t index, void *data, size_t n, struct err *e)
{
	off_t at = (off_t)(index * CHUNK_SIZE);
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = pread(fd, (char *)data + done, n - done, at + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read");
		if (got == 0)
			return err_set(e, "it was cut short while it was read");
		done += (size_t)got;
	}
	return 0;
}

static int write_at(int fd, off_t at, const unsigned char *data, size_t n, struct err *e)
{
	size_t done = 0;
	ssize_t put;

	while (done < n) {
		put = pwrite(fd, data + done, n - done, at + (off_t)done);
		if (put < 0 && errno != EINTR)
			return err_sys(e, "write");
		if (put > 0)
			done += (size_t)put;
	}
	return 0;
}

int chunk_write(int fd, uint64_t index, const unsigned char *data, size_t n, struct err *e)
{
	size_t begin = 0, end, len;

	/* BEGIN..END is the run of data that has been found and not yet written. */
	for (end = 0; end < n; end += len) {
		len = n - end < HOLE_SIZE ? n - end : HOLE_SIZE;
		if (!chunk_is_zero(data + end, len))
			continue;
		if (write_at(fd, (off_t)(index * CHUNK_SIZE + begin), data + begin, end - begin, e) < 0)
			return -1;
		begin = end + len;
	}
	return write_at(fd, (off_t)(index * CHUNK_SIZE + begin), data + begin, end - begin, e);
}

static int grow(struct chunksum *s)
{
	size_t room = s->room_ == 0 ? 256 : 2 * s->room_;
	struct chunksum_one *v = reallocarray(s->v_, room, sizeof *v);

	if (v == NULL)
		return -1;
	s->v_ = v;
	s->room_ = room;
	return 0;
}

int chunksum_add(struct chunksum *s, uint64_t index, const void *data, size_t n, struct err *e)
{
	struct chunksum_one one = { .index = index };
	int rc;

	if (sha256_raw(data, n, one.md) < 0)
		return err_set(e, "the digest failed");
	(void)pthread_mutex_lock(&s->lock_);
	rc = s->n_ == s->room_ ? grow(s) : 0;
	if (rc == 0)
		s->v_[s->n_++] = one;
	(void)pthread_mutex_unlock(&s->lock_);
	return rc == 0 ? 0 : err_no_memory(e);
}

static int by_index(const void *a, const void *b)
{
	const struct chunksum_one *x = a, *y = b;

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

int chunksum_end(struct chunksum *s, uint64_t size, char hex[SHA256_HEX], struct err *e)
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
		return sha256_end(sum, hex) == 0 ? 0 : err_set(e, "the digest failed");
	sha256_free(sum);
	return err_set(e, "the digest failed");
}

void chunksum_free(struct chunksum *s)
{
	free(s->v_);
	s->v_ = NULL;
	s->n_ = s->room_ = 0;
}

struct reading {
	int from, to;
	uint64_t size, next; /* NEXT: under the crew's lock */
	struct chunksum sum;
};

/* The next chunk to read. Returns whether there is one. */
static bool take(struct crew *c, struct reading *r, uint64_t *index)
{
	uint64_t count = chunk_count(r->size);

	(void)pthread_mutex_lock(&c->lock);
	*index = c->failed ? count : chunk_with_data(r->from, r->next, count);
	r->next = *index + 1;
	(void)pthread_mutex_unlock(&c->lock);
	return *index < count;
}

static int read_chunks(struct crew *c, void *job, struct err *e)
{
	struct reading *r = job;
	AUTO_FREE unsigned char *data = malloc(CHUNK_SIZE);
	uint64_t index;
	size_t n;

	if (data == NULL)
		return err_no_memory(e);
	while (take(c, r, &index)) {
		n = chunk_len(r->size, index);
		if (chunk_read(r->from, index, data, n, e) < 0)
			return -1;
		if (chunk_is_zero(data, n))
			continue;
		if (chunksum_add(&r->sum, index, data, n, e) < 0)
			return -1;
		if (r->to >= 0 && chunk_write(r->to, index, data, n, e) < 0)
			return -1;
	}
	return 0;
}

int chunks_digest(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e)
{
	struct reading r = { .from = from, .to = to, .size = size, .sum = CHUNKSUM_NEW };
	int rc = 0;

	if (to >= 0 && ftruncate(to, (off_t)size) < 0)
		rc = err_sys(e, "write");
	if (rc == 0)
		rc = crew_run(CREW_MOST, read_chunks, &r, e);
	if (rc == 0)
		rc = chunksum_end(&r.sum, size, hex, e);
	chunksum_free(&r.sum);
	return rc;
}
