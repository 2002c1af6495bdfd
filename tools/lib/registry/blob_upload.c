#include "registry/blob_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "registry/url.h"

/* Sessions of smaller blobs are not stored for another process. */
enum { KEEP_FROM = 1 << 20 };

static int ask(struct blob_upload *b, struct err *e)
{
	b->at_ = BLOB_UPLOAD_ASK;
	return regqueue_request(b->q, &b->task, "HEAD", e, "%s/blobs/sha256:%s", b->repo, b->part->hex) < 0
		   ? -1
		   : REGTASK_MORE;
}

static int start(struct blob_upload *b, struct err *e)
{
	int rc;

	b->at_ = BLOB_UPLOAD_START;
	b->have_ = 0;
	if (b->mount != NULL)
		rc = regqueue_request(b->q, &b->task, "POST", e, "%s/blobs/uploads/?mount=sha256:%s&from=%s", b->repo,
		    b->part->hex, b->mount);
	else
		rc = regqueue_request(b->q, &b->task, "POST", e, "%s/blobs/uploads/", b->repo);
	return rc < 0 ? -1 : REGTASK_MORE;
}

/* The session cannot be used: begins another one, a limited number of times. */
static int restart(struct blob_upload *b, struct err *e)
{
	upload_session_set(&b->session_, NULL);
	if (b->restarts_++ >= b->q->retries)
		return reghttp_refused(&b->task.ans, e);
	return start(b, e);
}

/* Sets the next request to one to the session; LAST: the one that completes the blob. */
static int at_session(struct blob_upload *b, enum blob_upload_at at, const char *method, bool last, struct err *e)
{
	struct reghttp_request *r = &b->task.req;

	reghttp_request_free(r);
	b->at_ = at;
	b->task.repeat = at == BLOB_UPLOAD_LOOK;
	r->method = method;
	r->url = last ? regurl_add(b->session_.url, "digest", b->name_) : strdup(b->session_.url);
	return r->url != NULL ? REGTASK_MORE : err_no_memory(e);
}

/* Opens the blob's file and checks its size. Returns 0 or -1. */
static int open_file(struct blob_upload *b, struct err *e)
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
		return err_set(e, "%s: its size is not that in the manifest", path);
	return 0;
}

/* Sends what the registry does not have: the whole blob with PUT, or the rest with PATCH. */
static int send_rest(struct blob_upload *b, struct err *e)
{
	struct reghttp_request *r = &b->task.req;
	bool all = b->have_ == 0;

	if (open_file(b, e) < 0 ||
	    at_session(b, all ? BLOB_UPLOAD_SEND : BLOB_UPLOAD_CONTINUE, all ? "PUT" : "PATCH", all, e) != REGTASK_MORE)
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

/* Takes the session's URL from the answer; KEEP: it may lack one. Returns 0 or -1. */
static int take_location(struct blob_upload *b, bool keep, struct err *e)
{
	const struct regtask *t = &b->task;
	char *url;

	if (t->ans.location == NULL)
		return keep ? 0 : err_set(e, "the answer has no Location");
	url = regurl_resolve(regtask_from(t), t->ans.location, e);
	if (url == NULL)
		return -1;
	upload_session_set(&b->session_, url);
	return 0;
}

static int done(struct blob_upload *b, enum blob_upload_fate fate)
{
	/* There may be thousands of blobs, so none keeps a file open. */
	upload_session_set(&b->session_, NULL);
	upload_session_close(&b->session_);
	if (b->fd_ >= 0)
		(void)close(b->fd_);
	b->fd_ = -1;
	b->fate = fate;
	return 0;
}

/* The answer to HEAD. */
static int asked(struct blob_upload *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;

	if (a->status == 200 && !reghttp_other_digest(a, b->part->hex))
		return done(b, b->asked_again_ ? BLOB_UPLOAD_SENT : BLOB_UPLOAD_THERE);
	if (a->status != 200 && a->status != 404)
		return reghttp_refused(a, e);
	b->fate = BLOB_UPLOAD_TO_SEND;
	if (open_file(b, e) < 0 && !b->absent_)
		return -1;
	if (b->absent_ && b->mount == NULL)
		return done(b, BLOB_UPLOAD_ABSENT);
	if (b->dry)
		return done(b, BLOB_UPLOAD_TO_SEND);
	if (!b->opened_ && !b->absent_ && b->part->size >= KEEP_FROM)
		upload_session_open(&b->session_, b->q->base, b->repo, b->part->hex);
	b->opened_ = true;
	return b->session_.url != NULL ? at_session(b, BLOB_UPLOAD_LOOK, "GET", false, e) : start(b, e);
}

/* The answer to POST. */
static int started(struct blob_upload *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;

	if (a->status == 201)
		return done(b, BLOB_UPLOAD_MOUNTED);
	if (a->status != 202)
		return reghttp_refused(a, e);
	if (b->absent_)
		return done(b, BLOB_UPLOAD_ABSENT);
	return take_location(b, false, e) < 0 ? -1 : send_rest(b, e);
}

/* The answer to GET of the session: how many bytes it has. */
static int looked(struct blob_upload *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;
	uint64_t have = 0;

	if (a->status / 100 != 2) {
		/* The blob may be complete, and only the answer to its last request was lost. */
		upload_session_set(&b->session_, NULL);
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
	return have == b->part->size ? at_session(b, BLOB_UPLOAD_FINISH, "PUT", true, e) : send_rest(b, e);
}

/* The answer to PUT: the blob is complete. */
static int finished(struct blob_upload *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;
	bool continued = b->at_ == BLOB_UPLOAD_FINISH;

	if (a->status == 201 || a->status == 204) {
		if (reghttp_other_digest(a, b->part->hex))
			return err_set(e, "the registry says that its digest is %.80s", a->digest);
		return done(b, BLOB_UPLOAD_SENT);
	}
	(void)reghttp_refused(a, e);
	if (strstr(e->msg, "DIGEST_INVALID") != NULL && !continued)
		return err_prefix(e, "its contents do not match its digest");
	if (a->status == 404 || a->status == 416 ||
	    (a->status == 400 && (continued || strstr(e->msg, "UPLOAD") != NULL)))
		return restart(b, e);
	return -1;
}

/* The answer to PATCH. */
static int continued(struct blob_upload *b, struct err *e)
{
	const struct reghttp_answer *a = &b->task.ans;

	if (a->status == 202 || a->status == 204)
		return take_location(b, true, e) < 0 ? -1 : at_session(b, BLOB_UPLOAD_FINISH, "PUT", true, e);
	if (a->status == 400 || a->status == 404 || a->status == 416)
		return restart(b, e);
	return reghttp_refused(a, e);
}

static int step(struct regtask *t, struct err *e)
{
	struct blob_upload *b = t->arg;

	if (t->req.url == NULL)
		return ask(b, e);
	if (t->cut)
		return b->session_.url != NULL ? at_session(b, BLOB_UPLOAD_LOOK, "GET", false, e) : start(b, e);
	switch (b->at_) {
	case BLOB_UPLOAD_ASK:
		return asked(b, e);
	case BLOB_UPLOAD_START:
		return started(b, e);
	case BLOB_UPLOAD_LOOK:
		return looked(b, e);
	case BLOB_UPLOAD_CONTINUE:
		return continued(b, e);
	default:
		return finished(b, e);
	}
}

void blob_upload_init(struct blob_upload *b)
{
	b->fd_ = -1;
	b->session_.fd_ = -1;
	(void)snprintf(b->name_, sizeof b->name_, "sha256:%s", b->part->hex);
	b->task = (struct regtask){ .step = step, .arg = b, .name = b->name_, .req.fd = -1 };
}

void blob_upload_free(struct blob_upload *b)
{
	if (b->fd_ >= 0)
		(void)close(b->fd_);
	b->fd_ = -1;
	upload_session_close(&b->session_);
	regtask_free(&b->task);
}
