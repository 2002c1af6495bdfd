#include "registry/blob_download.h"

#include <stdio.h>
#include <string.h>

enum { MAX_RESTARTS = 2 };

/* The first bytes of an answer have arrived. Returns 0 or -1. */
static int first_bytes(struct blob_download *d, const struct reghttp_answer *a, struct err *e)
{
	d->begun_ = true;
	d->bad_ = a->status == 206 && a->first != d->have_;
	if (d->bad_)
		(void)err_set(&d->why_, "the registry sent a different range");
	/* The registry does not support ranges and sends the whole blob. */
	if (a->status == 200 && d->have_ > 0) {
		if (d->sink->restart(d->arg, e) < 0)
			return -1;
		d->have_ = 0;
	}
	d->old_ = d->have_ > 0;
	return 0;
}

static int on_data(void *arg, const struct reghttp_answer *a, const char *data, size_t n, struct err *e)
{
	struct blob_download *d = arg;
	int rc;

	if (!d->begun_ && first_bytes(d, a, e) < 0)
		return -1;
	if (d->bad_)
		return 0;
	if (n > d->size - d->have_)
		return err_set(e, "more than its %llu bytes", (unsigned long long)d->size);
	d->have_ += n;
	rc = d->sink->add(d->arg, data, n, e);
	if (rc != BLOB_DOWNLOAD_WRONG)
		return rc;
	d->why_ = *e;
	d->bad_ = true;
	/* Parts of two answers may not fit together, which a restart can fix. If all is from one answer, it cannot. */
	return d->old_ ? 0 : -1;
}

/* Requests the missing bytes. */
static int ask(struct blob_download *d, struct err *e)
{
	struct reghttp_request *r = &d->task.req;

	if (regqueue_request(d->q, &d->task, "GET", e, "%s/blobs/%s", d->repo, d->name_) < 0)
		return -1;
	d->task.repeat = false;
	d->begun_ = d->bad_ = false;
	d->asked_ = d->have_;
	r->sink = on_data;
	r->arg = d;
	if (d->asked_ > 0)
		(void)snprintf(r->range, sizeof r->range, "Range: bytes=%llu-", (unsigned long long)d->asked_);
	return REGTASK_MORE;
}

/* The bytes that are here do not match those of the registry: requests all of them, a few times. E is the reason. */
static int restart(struct blob_download *d, struct err *e)
{
	if (d->restarts_++ == MAX_RESTARTS || d->sink->restart(d->arg, e) < 0)
		return -1;
	d->have_ = 0;
	return ask(d, e);
}

static int finish(struct blob_download *d, struct err *e)
{
	int rc = d->sink->end(d->arg, e);

	return rc == BLOB_DOWNLOAD_WRONG && d->old_ ? restart(d, e) : rc < 0 ? -1 : 0;
}

/* An answer is complete. */
static int ended(struct blob_download *d, struct err *e)
{
	const struct reghttp_answer *a = &d->task.ans;

	if (a->status != 200 && a->status != 206) {
		(void)reghttp_refused(a, e);
		return a->status == 416 && d->asked_ > 0 ? restart(d, e) : -1;
	}
	if (d->bad_) {
		*e = d->why_;
		return d->asked_ > 0 ? restart(d, e) : -1;
	}
	if (d->have_ == d->size)
		return finish(d, e);
	/* Without a length in the answer a broken connection looks like the end. */
	if (d->have_ > d->asked_)
		d->task.tries = 0;
	if (d->task.tries++ < d->q->retries)
		return ask(d, e);
	return err_set(
	    e, "only %llu of its %llu bytes came", (unsigned long long)d->have_, (unsigned long long)d->size);
}

static int step(struct regtask *t, struct err *e)
{
	struct blob_download *d = t->arg;

	if (t->req.url == NULL) {
		if (d->sink->begin(d->arg, &d->have_, e) < 0)
			return -1;
		d->old_ = d->have_ > 0;
		/* An earlier process may have been stopped when all bytes were there; an empty blob needs no request.
		 */
		return d->have_ == d->size ? finish(d, e) : ask(d, e);
	}
	if (!t->cut)
		return ended(d, e);
	if (d->bad_) {
		*e = d->why_;
		return restart(d, e);
	}
	if (d->have_ > d->asked_)
		t->tries = 0;
	return d->have_ == d->size ? finish(d, e) : ask(d, e);
}

void blob_download_init(struct blob_download *d)
{
	(void)snprintf(d->name_, sizeof d->name_, "sha256:%s", d->hex);
	d->task = (struct regtask){ .step = step, .arg = d, .name = d->name_, .req.fd = -1 };
}

void blob_download_free(struct blob_download *d)
{
	regtask_free(&d->task);
}

static int layout_begin(void *arg, uint64_t *have, struct err *e)
{
	struct blob_download_layout *b = arg;

	if (layout_part_open(b->l, &b->part_, b->download.hex, b->download.size, e) < 0)
		return -1;
	*have = b->part_.have;
	return 0;
}

static int layout_restart(void *arg, struct err *e)
{
	struct blob_download_layout *b = arg;

	return layout_part_empty(&b->part_, e);
}

static int layout_add(void *arg, const char *data, size_t n, struct err *e)
{
	struct blob_download_layout *b = arg;

	return layout_part_add(&b->part_, data, n, e);
}

static int layout_end(void *arg, struct err *e)
{
	struct blob_download_layout *b = arg;
	int rc = layout_part_end(b->l, &b->part_, b->download.hex, e);

	return rc == LAYOUT_PART_WRONG ? BLOB_DOWNLOAD_WRONG : rc;
}

void blob_download_layout_init(struct blob_download_layout *b)
{
	static const struct blob_download_sink sink = { layout_begin, layout_restart, layout_add, layout_end };

	b->part_.fd_ = -1;
	b->download.sink = &sink;
	b->download.arg = b;
	blob_download_init(&b->download);
}

void blob_download_layout_free(struct blob_download_layout *b)
{
	layout_part_close(&b->part_);
	blob_download_free(&b->download);
}
