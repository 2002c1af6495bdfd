#include "registry/fetch.h"

#include <stdio.h>
#include <string.h>

enum { MAX_RESTARTS = 2 };

static int on_data(void *arg, const struct reghttp_answer *a, const char *data, size_t n, struct err *e)
{
	struct regfetch *f = arg;

	if (!f->begun_) {
		f->begun_ = true;
		f->bad_ = a->status == 206 && a->first != f->file_.have;
		/* It knows no ranges: all of it comes. */
		if (a->status == 200 && f->file_.have > 0 && layout_part_empty(&f->file_, e) < 0)
			return -1;
		f->old_ = f->file_.have > 0;
	}
	if (f->bad_)
		return 0;
	if (n > f->part->size - f->file_.have)
		return err_set(e, "more than its %llu bytes", (unsigned long long)f->part->size);
	return layout_part_add(&f->file_, data, n, e);
}

/* Asks for what is missing. */
static int ask(struct regfetch *f, struct err *e)
{
	struct reghttp_request *r = &f->task.req;

	if (regpool_request(f->p, &f->task, "GET", e, "%s/blobs/%s", f->repo, f->name_) < 0)
		return -1;
	f->task.repeat = false;
	f->begun_ = f->bad_ = false;
	f->asked_ = f->file_.have;
	r->sink = on_data;
	r->arg = f;
	if (f->asked_ > 0)
		(void)snprintf(r->range, sizeof r->range, "Range: bytes=%llu-", (unsigned long long)f->asked_);
	return REGTASK_MORE;
}

/* What is there does not go together with what the registry has: all of it anew, but not for ever. E says why. */
static int anew(struct regfetch *f, struct err *e)
{
	if (f->restarts_++ == MAX_RESTARTS || layout_part_empty(&f->file_, e) < 0)
		return -1;
	return ask(f, e);
}

/* All has come. */
static int finish(struct regfetch *f, struct err *e)
{
	int rc = layout_part_end(f->l, &f->file_, f->part->hex, e);

	return rc == LAYOUT_PART_WRONG && f->old_ ? anew(f, e) : rc < 0 ? -1 : 0;
}

/* An answer has come to its end. */
static int ended(struct regfetch *f, struct err *e)
{
	const struct reghttp_answer *a = &f->task.ans;

	if (a->status != 200 && a->status != 206) {
		(void)reghttp_refused(a, e);
		return a->status == 416 && f->asked_ > 0 ? anew(f, e) : -1;
	}
	if (f->bad_) {
		(void)err_set(e, "the registry sent another range");
		return f->asked_ > 0 ? anew(f, e) : -1;
	}
	if (f->file_.have == f->part->size)
		return finish(f, e);
	/* Without a length in the answer a cut looks like the end. */
	if (f->file_.have > f->asked_)
		f->task.tries = 0;
	if (f->task.tries++ < f->p->retries)
		return ask(f, e);
	return err_set(e, "only %llu of its %llu bytes came", (unsigned long long)f->file_.have,
	    (unsigned long long)f->part->size);
}

static int step(struct regtask *t, struct err *e)
{
	struct regfetch *f = t->arg;

	if (t->req.url == NULL) {
		if (layout_part_open(f->l, &f->file_, f->part->hex, f->part->size, e) < 0)
			return -1;
		f->old_ = f->file_.have > 0;
		/* An earlier process may have been stopped with all of it there; an empty one needs no request. */
		return f->file_.have == f->part->size ? finish(f, e) : ask(f, e);
	}
	if (!t->cut)
		return ended(f, e);
	if (f->file_.have > f->asked_)
		t->tries = 0;
	return f->file_.have == f->part->size ? finish(f, e) : ask(f, e);
}

void regfetch_init(struct regfetch *f)
{
	f->file_.fd_ = -1;
	(void)snprintf(f->name_, sizeof f->name_, "sha256:%s", f->part->hex);
	f->task = (struct regtask){ .step = step, .arg = f, .name = f->name_, .req.fd = -1 };
}

void regfetch_free(struct regfetch *f)
{
	layout_part_close(&f->file_);
	regtask_free(&f->task);
}
