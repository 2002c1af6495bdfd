#include "registry/try.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/num.h"

/* The pause is doubled from attempt to attempt; a part of it is left to chance, so that many do not return at once. */
enum { BACKOFF_MS = 500, MAX_BACKOFF_MS = 32000 };
enum { MAX_REDIRECTS = 5, MAX_DENIED = 3 };

static __attribute__((format(printf, 2, 3))) void note(const struct regpool *p, const char *fmt, ...)
{
	struct err text;
	va_list ap;

	if (p->note == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text.msg, sizeof text.msg, fmt, ap);
	va_end(ap);
	p->note(p->arg, text.msg);
}

int regtry_step(struct regtask *t, struct err *e)
{
	int rc;

	t->redirects_ = t->denied_ = 0;
	rc = t->step(t, e);
	t->cut = false;
	free(t->url_);
	t->url_ = NULL;
	if (rc == 0)
		t->state_ = REGTASK_ENDED;
	return rc;
}

static int64_t backoff(unsigned tries, int retry_after)
{
	int64_t ms = BACKOFF_MS;
	uint32_t chance = 0;

	while (--tries > 0 && ms < MAX_BACKOFF_MS)
		ms *= 2;
	(void)!getrandom(&chance, sizeof chance, GRND_NONBLOCK);
	ms = ms / 2 + (int64_t)chance % (ms / 2);
	return ms < (int64_t)retry_after * 1000 ? (int64_t)retry_after * 1000 : ms;
}

/* Another attempt may help: after a pause, unless there were enough. E says what was wrong. */
static int again(struct regpool *p, struct regtask *t, struct err *e)
{
	int64_t ms, now = now_ms();

	if (t->tries++ >= p->retries)
		return -1;
	ms = backoff(t->tries, t->ans.retry_after);
	if (ms >= ms_left(p->deadline)) {
		(void)err_prefix(e, "no time for another attempt");
		return REGPOOL_LATE;
	}
	/* The registry is asked by fewer at once; those that were on their way before that do not count. */
	if (t->ans.status == 429 && p->jobs > 1 && t->since_ >= p->not_before_) {
		p->jobs /= 2;
		note(p, "%lld connections from now on", (long long)p->jobs);
	}
	t->due_ = now + ms;
	if ((t->ans.status == 429 || t->ans.status == 503) && t->due_ > p->not_before_)
		p->not_before_ = t->due_;
	t->cut = !t->repeat;
	free(t->url_);
	t->url_ = NULL;
	t->redirects_ = 0;
	note(p, "%s: %s; next try in %lld ms", t->name, e->msg, (long long)ms);
	return 0;
}

/* A 401 from the registry itself. */
static int denied(struct regpool *p, struct regtask *t, struct err *e)
{
	if (++t->denied_ > MAX_DENIED)
		return regauth_refused(&p->auth, e);
	return regauth_challenged(&p->auth, &t->ans.challenges, t->generation_, e);
}

static bool is_redirect(const struct regtask *t)
{
	bool reads = strcmp(t->req.method, "GET") == 0 || strcmp(t->req.method, "HEAD") == 0;
	long s = t->ans.status;

	/* The others would make a GET of what is no GET. */
	return t->ans.location != NULL && (s == 307 || s == 308 || (reads && (s == 301 || s == 302 || s == 303)));
}

static int redirect(struct regtask *t, struct err *e)
{
	char *url = regurl_resolve(t->url_ != NULL ? t->url_ : t->req.url, t->ans.location, e);

	if (url == NULL)
		return -1;
	free(t->url_);
	t->url_ = url;
	return ++t->redirects_ > MAX_REDIRECTS ? err_set(e, "too many redirections") : 0;
}

int regtry_judge(struct regpool *p, struct regtask *t, int http_rc, struct err *e)
{
	int rc;

	if (http_rc < 0)
		*e = t->http_.err;
	if (http_rc == REGHTTP_FATAL)
		return -1;
	/* A host that is not known and one that speaks no TLS are not waited for, unless it was otherwise before. */
	if (t->ans.transient || (t->ans.unlikely && p->answered)) {
		if (http_rc == 0)
			(void)reghttp_refused(&t->ans, e);
		return again(p, t, e);
	}
	if (http_rc < 0)
		return -1;
	if (t->ans.status == 401 && t->ours_ && t != &p->token_)
		return denied(p, t, e);
	p->auth.worked |= t->ours_ && t->generation_ > 0;
	if (is_redirect(t))
		return redirect(t, e);
	rc = regtry_step(t, e);
	return rc < 0 ? -1 : 0;
}

/* The step of the task that fetches tokens. */
static int token_step(struct regtask *t, struct err *e)
{
	struct regpool *p = t->arg;

	if (t->ans.status != 0)
		return regauth_take(&p->auth, &t->ans, e);
	t->repeat = true;
	return regauth_ask(&p->auth, &t->req, e) < 0 ? -1 : REGTASK_MORE;
}

void regtry_renew(struct regpool *p)
{
	regtask_free(&p->token_);
	p->token_ = (struct regtask){ .step = token_step, .arg = p, .name = "token", .req.fd = -1 };
}
