#include "registry/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "registry/url.h"

/* Sessions of smaller blobs are not kept for another process. */
enum { KEEP_FROM = 1 << 20 };

bool regblob_other_digest(const struct reghttp_answer *a, const char *hex)
{
	return a->digest != NULL && strncmp(a->digest, "sha256:", 7) == 0 && strcmp(a->digest + 7, hex) != 0;
}

static int ask(struct regblob *b, struct err *e)
{
	b->at_ = REGBLOB_ASK;
	return regpool_request(b->p, &b->task, "HEAD", e, "%s/blobs/sha256:%s", b->repo, b->part->hex) < 0
		   ? -1
		   : REGTASK_MORE;
}

static int start(struct regblob *b, struct err *e)
{
	int rc;

	b->at_ = REGBLOB_START;
	b->have_ = 0;
	if (b->mount != NULL)
		rc = regpool_request(b->p, &b->task, "POST", e, "%s/blobs/uploads/?mount=sha256:%s&from=%s", b->repo,
		    b->part->hex, b->mount);
	else
		rc = regpool_request(b->p, &b->task, "POST", e, "%s/blobs/uploads/", b->repo);
	return rc < 0 ? -1 : REGTASK_MORE;
}

/* The session is of no use: begins another one, but not for ever. */
static int restart(struct regblob *b, struct err *e)
{
	regsession_set(&b->session_, NULL);
	if (b->restarts_++ >= b->p->retries)
		return reghttp_refused(&b->task.ans, e);
	return start(b, e);
}

/* Makes the next request one to the session. */
static int at_session(struct regblob *b, enum regblob_at at, const char *method, bool last, struct err *e)
{
	struct reghttp_request *r = &b->task.req;

	reghttp_request_free(r);
	b->at_ = at;
	b->task.repeat = at == REGBLOB_LOOK;
	r->method = method;
	r->url = last ? regurl_add(b->session_.url, "digest", b->name_) : strdup(b->session_.url);
	return r->url != NULL ? REGTASK_MORE : err_no_memory(e);
}

/* The blob's file, open and of the right size. Returns 0 or -1. */
static int open_file(struct regblob *b, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct stat st;

	if (b->fd_ >= 0)
		return 0;
	path = layout_path(b->l, LAYOUT_BLOBS, b->part->hex, e);
	if (path == NULL)
		return -1;
	b->fd_ = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	b->absent_ = b->fd_ < 0 && errno == ENOENT;
	if (b->fd_ < 0 || fstat(b->fd_, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != b->part->size)
		return err_set(e, "%s: not of the size that its image says", path);
	return 0;
}

/* Sends what the registry does not have: all of it in one request, or the rest. */
static int send_rest(struct regblob *b, struct err *e)
{
	struct reghttp_request *r = &b->task.req;
	bool all = b->have_ == 0;

	if (open_file(b, e) < 0 ||
	    at_session(b, all ? REGBLOB_SEND : REGBLOB_RESUME, all ? "PUT" : "PATCH", all, e) != REGTASK_MORE)
		return -1;
	r->type = "application/octet-stream";
	r->fd = b->fd_;
	r->from = b->have_;
	r->n = b->part->size - b->have_;
	if (!all)
		(void)snprintf(r->range, sizeof r->range, "Content-Range: %llu-%llu", (unsigned long long)b->have_,
		    (unsigned long long)b->part->size - 1);
	return REGTASK_MORE;
}

/* Takes the session's URL from the answer; KEEP the old one where there is none. Returns 0 or -1. */
static int take_location(struct regblob *b, bool keep, struct err *e)
{
	const struct regtask *t = &b->task;
	char *url;

	if (t->ans.location == NULL)
		return keep ? 0 : err_set(e, "its answer has no Location");
	url = regurl_resolve(regtask_from(t), t->ans.location, e);
	if (url == NULL)
		return -1;
	regsession_set(&b->session_, url);
	return 0;
}

static int done(struct regblob *b, enum regblob_fate fate)
{
	/* There may be thousands: none keeps a descriptor. */
	regsession_set(&b->session_, NULL);
	regsession_close(&b->session_);
	if (b->fd_ >= 0)
		(void)close(b->fd_);
	b->fd_ = -1;
	b->fate = fate;
	return 0;
}

/* After HEAD. */
static int asked(struct regblob *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;

	if (a->status == 200 && !regblob_other_digest(a, b->part->hex))
		return done(b, b->asked_again_ ? REGBLOB_SENT : REGBLOB_THERE);
	/* Not all of them tell a repository that is not there yet from one that is not allowed. */
	if (a->status != 200 && a->status != 404)
		return reghttp_refused(a, e);
	b->fate = REGBLOB_TO_SEND;
	if (open_file(b, e) < 0 && !b->absent_)
		return -1;
	if (b->absent_ && b->mount == NULL)
		return done(b, REGBLOB_ABSENT);
	if (b->dry)
		return done(b, REGBLOB_TO_SEND);
	if (!b->opened_ && !b->absent_ && b->part->size >= KEEP_FROM)
		regsession_open(&b->session_, b->p->base, b->repo, b->part->hex);
	b->opened_ = true;
	return b->session_.url != NULL ? at_session(b, REGBLOB_LOOK, "GET", false, e) : start(b, e);
}

static int started(struct regblob *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;

	if (a->status == 201)
		return done(b, REGBLOB_MOUNTED);
	if (a->status != 202)
		return reghttp_refused(a, e);
	if (b->absent_)
		return done(b, REGBLOB_ABSENT);
	return take_location(b, false, e) < 0 ? -1 : send_rest(b, e);
}

/* The session was asked how far it is. */
static int looked(struct regblob *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;
	uint64_t have = 0;

	if (a->status / 100 != 2) {
		/* It may have gone because the blob is whole, and only the answer was lost. */
		regsession_set(&b->session_, NULL);
		b->asked_again_ = true;
		return ask(b, e);
	}
	if (a->range == NULL || regurl_range(a->range, &have) < 0 || have == 0 || have > b->part->size)
		return restart(b, e);
	if (take_location(b, true, e) < 0)
		return -1;
	if (have > b->have_)
		b->task.tries = 0;
	b->have_ = have;
	return have == b->part->size ? at_session(b, REGBLOB_FINISH, "PUT", true, e) : send_rest(b, e);
}

/* All of it was sent. */
static int finished(struct regblob *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;
	bool resumed = b->at_ == REGBLOB_FINISH;

	if (a->status == 201 || a->status == 204) {
		if (regblob_other_digest(a, b->part->hex))
			return err_set(e, "the registry says that its digest is %.80s", a->digest);
		return done(b, REGBLOB_SENT);
	}
	(void)reghttp_refused(a, e);
	if (strstr(e->msg, "DIGEST_INVALID") != NULL && !resumed)
		return err_prefix(e, "its contents are not what its name says");
	if (a->status == 404 || a->status == 416 || (a->status == 400 && (resumed || strstr(e->msg, "UPLOAD") != NULL)))
		return restart(b, e);
	return -1;
}

static int resumed(struct regblob *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;

	if (a->status == 202 || a->status == 204)
		return take_location(b, true, e) < 0 ? -1 : at_session(b, REGBLOB_FINISH, "PUT", true, e);
	if (a->status == 400 || a->status == 404 || a->status == 416)
		return restart(b, e);
	return reghttp_refused(a, e);
}

static int step(struct regtask *t, struct err *e)
{
	struct regblob *b = t->arg;

	if (t->req.url == NULL)
		return ask(b, e);
	if (t->cut)
		return b->session_.url != NULL ? at_session(b, REGBLOB_LOOK, "GET", false, e) : start(b, e);
	switch (b->at_) {
	case REGBLOB_ASK:
		return asked(b, e);
	case REGBLOB_START:
		return started(b, e);
	case REGBLOB_LOOK:
		return looked(b, e);
	case REGBLOB_RESUME:
		return resumed(b, e);
	default:
		return finished(b, e);
	}
}

void regblob_init(struct regblob *b)
{
	b->fd_ = -1;
	b->session_.fd_ = -1;
	(void)snprintf(b->name_, sizeof b->name_, "sha256:%s", b->part->hex);
	b->task = (struct regtask){ .step = step, .arg = b, .name = b->name_, .req.fd = -1 };
}

void regblob_free(struct regblob *b)
{
	if (b->fd_ >= 0)
		(void)close(b->fd_);
	b->fd_ = -1;
	regsession_close(&b->session_);
	regtask_free(&b->task);
}
