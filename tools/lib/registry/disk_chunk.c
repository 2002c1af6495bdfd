#include "registry/disk_chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { MAX_RESTARTS = 2, PIECE = 64 << 10 };
/* Of a frame: the logarithm of the memory that it may ask for, here that of the whole window. */
enum { WINDOW_LOG = 24 };

struct regchunk_stream {
	ZSTD_DCtx *zstd;
	struct sha256 *packed, *raw;
	uint64_t have, out; /* bytes that have come; that were written */
	bool whole;         /* the frame is at its end */
	size_t n;           /* bytes of PIECE that wait to be written */
	unsigned char piece[PIECE];
};

static void end_stream(struct regchunk *r)
{
	if (r->s_ == NULL)
		return;
	(void)ZSTD_freeDCtx(r->s_->zstd);
	sha256_free(r->s_->packed);
	sha256_free(r->s_->raw);
	free(r->s_);
	r->s_ = NULL;
}

/* Nothing has come, and nothing of it is in the file. */
static int new_stream(struct regchunk *r, struct err *e)
{
	struct regchunk_stream *s = calloc(1, sizeof *s);

	if (r->s_ != NULL && r->s_->out > 0 && diskfile_clear(r->to, r->chunk->offset, r->chunk->len, e) < 0) {
		free(s);
		return -1;
	}
	end_stream(r);
	r->s_ = s;
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

/* Writes what has been unpacked. Returns 0, -1, or 1: it is no such chunk, as ERR_ says. */
static int put_piece(struct regchunk *r, struct err *e)
{
	struct regchunk_stream *s = r->s_;

	if (s->n > r->chunk->len - s->out) {
		(void)err_set(&r->err_, "it unpacks to more than its window");
		return 1;
	}
	if (sha256_add(s->raw, s->piece, s->n) < 0)
		return err_set(e, "the digest failed");
	if (diskfile_put(r->to, r->chunk->offset + s->out, s->piece, s->n, e) < 0)
		return -1;
	s->out += s->n;
	s->n = 0;
	return 0;
}

/* Unpacks N bytes. Returns what put_piece does. */
static int unpack(struct regchunk *r, const char *data, size_t n, struct err *e)
{
	struct regchunk_stream *s = r->s_;
	ZSTD_inBuffer in = { data, n, 0 };
	size_t left;
	bool full = true;
	int rc = 0;

	while (rc == 0 && (in.pos < in.size || full)) {
		ZSTD_outBuffer out = { s->piece, sizeof s->piece, s->n };

		if (s->whole) {
			(void)err_set(&r->err_, "more than one frame");
			return in.pos < in.size;
		}
		left = ZSTD_decompressStream(s->zstd, &out, &in);
		if (ZSTD_isError(left)) {
			(void)err_set(&r->err_, "it cannot be unpacked: %s", ZSTD_getErrorName(left));
			return 1;
		}
		s->n = out.pos;
		s->whole = left == 0;
		/* There may be more to come of what has been taken. */
		full = out.pos == out.size;
		if (full || s->whole)
			rc = put_piece(r, e);
	}
	return rc;
}

static int on_data(void *arg, const struct reghttp_answer *a, const char *data, size_t n, struct err *e)
{
	struct regchunk *r = arg;
	int rc;

	if (!r->begun_) {
		r->begun_ = true;
		r->bad_ = a->status == 206 && a->first != r->asked_;
		if (r->bad_)
			(void)err_set(&r->err_, "the registry sent another range");
		/* It knows no ranges: all of it comes. */
		if (a->status == 200 && r->asked_ > 0 && new_stream(r, e) < 0)
			return -1;
		r->old_ = r->s_->have > 0;
	}
	if (r->bad_)
		return 0;
	if (n > r->chunk->size - r->s_->have)
		return err_set(e, "more than its %llu bytes", (unsigned long long)r->chunk->size);
	if (sha256_add(r->s_->packed, data, n) < 0)
		return err_set(e, "the digest failed");
	r->s_->have += n;
	rc = unpack(r, data, n, e);
	if (rc <= 0)
		return rc;
	/* Two answers may not go together; of one alone no more is wanted. */
	*e = r->err_;
	r->bad_ = true;
	return r->old_ ? 0 : -1;
}

/* Asks for what is missing. */
static int ask(struct regchunk *r, struct err *e)
{
	struct reghttp_request *q = &r->task.req;

	if (regpool_request(r->p, &r->task, "GET", e, "%s/blobs/%s", r->repo, r->name_) < 0)
		return -1;
	r->task.repeat = false;
	r->begun_ = r->bad_ = false;
	r->asked_ = r->s_->have;
	q->sink = on_data;
	q->arg = r;
	if (r->asked_ > 0)
		(void)snprintf(q->range, sizeof q->range, "Range: bytes=%llu-", (unsigned long long)r->asked_);
	return REGTASK_MORE;
}

/* What is there does not go together with what the registry has: all of it anew, but not for ever. E says why. */
static int anew(struct regchunk *r, struct err *e)
{
	return r->restarts_++ == MAX_RESTARTS || new_stream(r, e) < 0 ? -1 : ask(r, e);
}

static int wrong(struct regchunk *r, struct err *e)
{
	return r->old_ ? anew(r, e) : -1;
}

/* All has come. */
static int finish(struct regchunk *r, struct err *e)
{
	struct regchunk_stream *s = r->s_;
	struct sha256 *packed = s->packed, *raw = s->raw;
	char hex[SHA256_HEX], raw_hex[SHA256_HEX];
	bool failed;

	s->packed = s->raw = NULL;
	failed = sha256_end(packed, hex) < 0;
	failed |= sha256_end(raw, raw_hex) < 0;
	if (failed)
		return err_set(e, "the digest failed");
	if (strcmp(hex, r->chunk->hex) != 0) {
		(void)err_set(e, "its digest is sha256:%s", hex);
		return wrong(r, e);
	}
	/* The registry has what was pushed: another attempt would bring the same. */
	if (!s->whole || s->out != r->chunk->len)
		return err_set(e, "it is less than its window");
	if (strcmp(raw_hex, r->chunk->raw) != 0)
		return err_set(e, "the digest of its window is sha256:%s", raw_hex);
	end_stream(r);
	return 0;
}

/* An answer has come to its end. */
static int ended(struct regchunk *r, struct err *e)
{
	const struct reghttp_answer *a = &r->task.ans;

	if (a->status != 200 && a->status != 206) {
		(void)reghttp_refused(a, e);
		return a->status == 416 && r->asked_ > 0 ? anew(r, e) : -1;
	}
	if (r->bad_) {
		*e = r->err_;
		return r->asked_ > 0 ? anew(r, e) : -1;
	}
	if (r->s_->have == r->chunk->size)
		return finish(r, e);
	/* Without a length in the answer a cut looks like the end. */
	if (r->s_->have > r->asked_)
		r->task.tries = 0;
	if (r->task.tries++ < r->p->retries)
		return ask(r, e);
	return err_set(
	    e, "only %llu of its %llu bytes came", (unsigned long long)r->s_->have, (unsigned long long)r->chunk->size);
}

static int step(struct regtask *t, struct err *e)
{
	struct regchunk *r = t->arg;

	if (t->req.url == NULL)
		return new_stream(r, e) < 0 ? -1 : ask(r, e);
	if (!t->cut)
		return ended(r, e);
	if (r->bad_) {
		*e = r->err_;
		return anew(r, e);
	}
	if (r->s_->have > r->asked_)
		t->tries = 0;
	return r->s_->have == r->chunk->size ? finish(r, e) : ask(r, e);
}

void regchunk_init(struct regchunk *r)
{
	(void)snprintf(r->name_, sizeof r->name_, "sha256:%s", r->chunk->hex);
	r->task = (struct regtask){ .step = step, .arg = r, .name = r->name_, .req.fd = -1 };
}

void regchunk_free(struct regchunk *r)
{
	end_stream(r);
	regtask_free(&r->task);
}
