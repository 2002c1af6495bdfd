#include "disk/nbd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST 0x25609513U
#define STRUCTURED_REPLY 0x668e33efU

/* What is asked for at a time: the server has memory for it, once for each connection. */
enum { PIECE = 1 << 20 };
enum { CMD_READ = 0, CMD_DISC = 2, CMD_BLOCK_STATUS = 7 };
enum { FLAG_DONE = 1 };
enum { TYPE_NONE = 0, TYPE_DATA = 1, TYPE_HOLE = 2, TYPE_STATUS = 5, TYPE_ERROR = 0x8000 };
enum { STATE_ZERO = 2 }; /* of base:allocation: it reads as zeros */
enum { EXTENT = 8, HEAD_OF_DATA = 8, HEAD_OF_STATUS = 4 };

/* A chunk of a reply. */
struct chunk {
	unsigned flags, type;
	size_t len; /* bytes that follow */
};

/* Part of a disk that is read. */
struct part {
	uint64_t from;
	unsigned char *data;
	size_t len;
};

static int request(struct nbd *n, unsigned command, uint64_t from, uint64_t len, struct err *e)
{
	unsigned char r[28] = { 0 };

	nbd_put(r, REQUEST, 4);
	nbd_put(r + 6, command, 2);
	nbd_put(r + 8, ++n->cookie_, 8);
	nbd_put(r + 16, from, 8);
	nbd_put(r + 24, len, 4);
	return nbd_send(n, r, sizeof r, e);
}

/* Reads the head of a chunk, and the error it may be. Returns 0 or -1. */
static int next_chunk(struct nbd *n, struct chunk *c, struct err *e)
{
	unsigned char h[20];
	char why[256];
	size_t len;

	if (nbd_recv(n, h, sizeof h, e) < 0)
		return -1;
	if (nbd_get(h, 4) != STRUCTURED_REPLY || nbd_get(h + 8, 8) != n->cookie_)
		return err_set(e, "the NBD server does not answer as one");
	*c = (struct chunk){ (unsigned)nbd_get(h + 4, 2), (unsigned)nbd_get(h + 6, 2), nbd_get(h + 16, 4) };
	if ((c->type & TYPE_ERROR) == 0)
		return 0;
	/* The number of the error, the length of its text, the text. */
	if (c->len < 6 || c->len > NBD_MAX_REPLY || nbd_recv(n, n->extents_, c->len, e) < 0)
		return err_set(e, "the NBD server does not answer as one");
	len = nbd_get(n->extents_ + 4, 2);
	len = len > c->len - 6 ? c->len - 6 : len;
	(void)snprintf(why, sizeof why, "%.*s", (int)len, (const char *)n->extents_ + 6);
	return err_set(e, "the disk cannot be read: error %llu %s", (unsigned long long)nbd_get(n->extents_, 4), why);
}

/* A chunk of what P is read from. DONE counts the bytes. Returns 0 or -1. */
static int take_part(struct nbd *n, const struct chunk *c, const struct part *p, size_t *done, struct err *e)
{
	unsigned char head[HEAD_OF_DATA + 4];
	size_t head_len = c->type == TYPE_HOLE ? sizeof head : HEAD_OF_DATA, len;
	uint64_t at;

	if ((c->type != TYPE_DATA && c->type != TYPE_HOLE) || c->len < head_len)
		return err_set(e, "the NBD server does not answer as one");
	if (nbd_recv(n, head, head_len, e) < 0)
		return -1;
	at = nbd_get(head, 8);
	len = c->type == TYPE_HOLE ? nbd_get(head + 8, 4) : c->len - head_len;
	if (at < p->from || at - p->from > p->len || len > p->len - (at - p->from) || len > p->len - *done)
		return err_set(e, "the NBD server sends what it was not asked for");
	*done += len;
	if (c->type == TYPE_DATA)
		return nbd_recv(n, p->data + (at - p->from), len, e);
	(void)memset(p->data + (at - p->from), 0, len);
	return 0;
}

static int read_piece(struct nbd *n, const struct part *p, struct err *e)
{
	struct chunk c = { 0 };
	size_t done = 0;

	if (request(n, CMD_READ, p->from, p->len, e) < 0)
		return -1;
	do {
		if (next_chunk(n, &c, e) < 0)
			return -1;
		if ((c.type != TYPE_NONE || c.len != 0) && take_part(n, &c, p, &done, e) < 0)
			return -1;
	} while ((c.flags & FLAG_DONE) == 0);
	return done == p->len ? 0 : err_set(e, "the NBD server leaves out some of the disk");
}

static int read_part(struct nbd *n, const struct part *p, struct err *e)
{
	size_t done, len;
	int rc = 0;

	for (done = 0; rc == 0 && done < p->len; done += len) {
		len = p->len - done < PIECE ? p->len - done : PIECE;
		rc = read_piece(n, &(struct part){ p->from + done, p->data + done, len }, e);
	}
	return rc;
}

/* What is allocated from FROM on, LEN bytes at most: COUNT extents, in N's memory. Returns 0 or -1. */
static int status(struct nbd *n, uint64_t from, size_t len, size_t *count, struct err *e)
{
	struct chunk c = { 0 };

	*count = 0;
	if (request(n, CMD_BLOCK_STATUS, from, len, e) < 0)
		return -1;
	do {
		if (next_chunk(n, &c, e) < 0)
			return -1;
		if (c.type == TYPE_NONE && c.len == 0)
			continue;
		if (c.type != TYPE_STATUS || c.len < HEAD_OF_STATUS + EXTENT || c.len > NBD_MAX_REPLY ||
		    (c.len - HEAD_OF_STATUS) % EXTENT != 0 || *count > 0)
			return err_set(e, "the NBD server does not answer as one");
		if (nbd_recv(n, n->extents_, c.len, e) < 0)
			return -1;
		if (nbd_get(n->extents_, 4) != n->context_)
			return err_set(e, "the NBD server does not answer as one");
		*count = (c.len - HEAD_OF_STATUS) / EXTENT;
	} while ((c.flags & FLAG_DONE) == 0);
	return *count > 0 ? 0 : err_set(e, "the NBD server does not say what is allocated");
}

/* Reads the parts of P that are allocated, as far as one status tells; *DONE is how far. Returns 0 or -1. */
static int read_some(struct nbd *n, const struct part *p, size_t *done, bool *zero, struct err *e)
{
	size_t count, i, len;
	const unsigned char *x;
	bool empty;

	if (status(n, p->from + *done, p->len - *done, &count, e) < 0)
		return -1;
	for (i = 0; i < count && *done < p->len; i++, *done += len) {
		x = n->extents_ + HEAD_OF_STATUS + i * EXTENT;
		len = nbd_get(x, 4);
		empty = (x[7] & STATE_ZERO) != 0;
		if (len == 0)
			return err_set(e, "the NBD server says nothing of some of the disk");
		/* The last one may say more than was asked. */
		if (len > p->len - *done)
			len = p->len - *done;
		/* All before it was zero, and is to be read as that now. */
		if (!empty && *zero)
			(void)memset(p->data, 0, *done);
		*zero = *zero && empty;
		if (empty && !*zero)
			(void)memset(p->data + *done, 0, len);
		if (!empty && read_part(n, &(struct part){ p->from + *done, p->data + *done, len }, e) < 0)
			return -1;
	}
	return 0;
}

int nbd_read(struct nbd *n, uint64_t from, void *data, size_t len, bool *zero, struct err *e)
{
	const struct part all = { from, data, len };
	size_t done = 0;

	*zero = true;
	while (done < len)
		if (read_some(n, &all, &done, zero, e) < 0)
			return -1;
	return 0;
}

void nbd_close(struct nbd *n)
{
	struct err ignored;

	if (n->fd_ >= 0) {
		(void)request(n, CMD_DISC, 0, 0, &ignored);
		(void)close(n->fd_);
	}
	free(n->extents_);
	*n = (struct nbd){ .fd_ = -1 };
}
