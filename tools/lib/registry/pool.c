#include "registry/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "registry/try.h"

enum { POLL_MS = 200 };

/* The first task that may begin now, or NULL. */
static struct regtask *next(const struct regpool *p, struct regtask **v, size_t n)
{
	int64_t now = now_ms();
	size_t i;

	if (p->running_ >= (size_t)p->jobs || now < p->not_before_)
		return NULL;
	for (i = 0; i < n; i++)
		if (v[i]->state_ == REGTASK_WAITS && v[i]->due_ <= now)
			return v[i];
	return NULL;
}

static int begin(struct regpool *p, struct regtask *t, struct err *e)
{
	const char *url;
	bool login;

	/* A task without a request has not begun, or has to see how to go on. */
	if (t->req.url == NULL || t->cut) {
		int rc = regtry_step(t, e);

		if (rc != REGTASK_MORE)
			return rc;
	}
	url = regtask_from(t);
	t->ours_ = regurl_same_origin(url, p->base);
	if (t == &p->token_) {
		/* It is its server's affair where that sends us, but not with the password. */
		login = regurl_same_origin(url, t->req.url);
	} else {
		login = t->ours_;
		regcred_forget(t->req.authorization);
		t->req.authorization = login ? regauth_header(&p->auth) : NULL;
		t->generation_ = p->auth.generation;
	}
	t->since_ = t->moved_ = now_ms();
	t->steps_ = 0;
	if (reghttp_begin(&t->http_, &t->req, &t->ans, &p->tls, url, (struct reghttp_trust){ login, t->ours_ }, e) < 0)
		return -1;
	(void)curl_easy_setopt(t->http_.curl, CURLOPT_PRIVATE, t);
	if (curl_multi_add_handle(p->multi_, t->http_.curl) != CURLM_OK)
		return err_set(e, "libcurl cannot be set up");
	t->state_ = REGTASK_RUNS;
	p->running_ += t != &p->token_;
	return 0;
}

/* Takes T's transfer off and judges it. Returns 0, -1 or REGPOOL_LATE. */
static int ended(struct regpool *p, struct regtask *t, CURLcode code, struct err *e)
{
	int rc;

	(void)curl_multi_remove_handle(p->multi_, t->http_.curl);
	rc = reghttp_end(&t->http_, code);
	p->running_ -= t != &p->token_;
	p->sent += t->http_.sent;
	p->received += t->http_.received;
	t->http_.sent = t->http_.received = 0;
	t->state_ = REGTASK_WAITS;
	p->answered |= t->ours_ && t->ans.status != 0;
	rc = regtry_judge(p, t, rc, e);
	if (rc < 0)
		(void)err_prefix(e, "%s", t->name);
	return rc;
}

/* Something has to move: the longer, the more of a body the registry has to digest when all of it was sent. */
static int64_t patience(const struct regpool *p, const struct regtask *t)
{
	bool all_sent = t->req.n > 0 && t->http_.sent == t->req.n;

	return p->stall + (all_sent ? (int64_t)(t->req.n >> 13) : 0);
}

/* Ends the transfer of T if it stalls. Returns what ended says. */
static int watch(struct regpool *p, struct regtask *t, struct err *e)
{
	int64_t now = now_ms();

	if (t->state_ != REGTASK_RUNS)
		return 0;
	if (t->http_.steps != t->steps_) {
		t->steps_ = t->http_.steps;
		t->moved_ = now;
	}
	if (now - t->moved_ < patience(p, t))
		return 0;
	(void)err_set(&t->http_.err, "nothing moved for %lld seconds", (long long)(now - t->moved_) / 1000);
	return ended(p, t, CURLE_OPERATION_TIMEDOUT, e);
}

/* Begins what may begin. Returns 0 or -1. */
static int begin_some(struct regpool *p, struct regtask **v, size_t n, struct err *e)
{
	struct regtask *t;

	if (regauth_wants_token(&p->auth)) {
		t = &p->token_;
		if (t->state_ == REGTASK_ENDED)
			regtry_renew(p);
		if (t->state_ == REGTASK_WAITS && t->due_ <= now_ms() && begin(p, t, e) < 0)
			return err_prefix(e, "%s", t->name);
		return 0;
	}
	while ((t = next(p, v, n)) != NULL)
		if (begin(p, t, e) < 0)
			return err_prefix(e, "%s", t->name);
	return 0;
}

/* Milliseconds until something is to be begun that waits for its time. */
static int pause_of(const struct regpool *p, struct regtask **v, size_t n)
{
	int64_t at = now_ms() + POLL_MS;
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i]->state_ == REGTASK_WAITS && v[i]->due_ > now_ms() && v[i]->due_ < at)
			at = v[i]->due_;
	if (p->not_before_ > now_ms() && p->not_before_ < at)
		at = p->not_before_;
	return ms_left(p->deadline < at ? p->deadline : at);
}

static void tell(struct regpool *p, struct regtask **v, size_t n)
{
	uint64_t sent = p->sent, received = p->received;
	size_t i;

	if (p->progress == NULL)
		return;
	for (i = 0; i < n; i++) {
		sent += v[i]->http_.sent;
		received += v[i]->http_.received;
	}
	p->progress(p->arg, sent, received);
}

/* Waits for something to happen and deals with it. Returns 0, -1 or REGPOOL_LATE. */
static int turn(struct regpool *p, struct regtask **v, size_t n, struct err *e)
{
	struct regtask *t;
	CURLMcode code;
	CURLMsg *msg;
	int left, rc = 0;
	size_t i;

	code = curl_multi_perform(p->multi_, &left);
	if (code == CURLM_OK && (msg = curl_multi_info_read(p->multi_, &left)) == NULL)
		code = curl_multi_poll(p->multi_, NULL, 0, pause_of(p, v, n), NULL);
	if (code != CURLM_OK)
		return err_set(e, "libcurl: %s", curl_multi_strerror(code));
	for (; rc == 0 && msg != NULL; msg = rc == 0 ? curl_multi_info_read(p->multi_, &left) : NULL) {
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		rc = ended(p, t, msg->data.result, e);
	}
	for (i = 0; rc == 0 && i < n; i++)
		rc = watch(p, v[i], e);
	if (rc == 0)
		rc = watch(p, &p->token_, e);
	return rc;
}

/* Ends what still runs: nothing of it is wanted any more. */
static void stop(struct regpool *p, struct regtask *t)
{
	if (t->state_ != REGTASK_RUNS)
		return;
	(void)curl_multi_remove_handle(p->multi_, t->http_.curl);
	(void)reghttp_end(&t->http_, CURLE_ABORTED_BY_CALLBACK);
	p->running_ -= t != &p->token_;
	t->state_ = REGTASK_ENDED;
}

static size_t unfinished(struct regtask **v, size_t n)
{
	size_t i, some = 0;

	for (i = 0; i < n; i++)
		some += v[i]->state_ != REGTASK_ENDED;
	return some;
}

/* Does the insecure registry HOST speak http only? Nothing but a handshake is made. */
static bool speaks_http(const struct regpool *p, const char *url)
{
	CURL *c = curl_easy_init();
	int left = ms_left(p->deadline < now_ms() + p->stall ? p->deadline : now_ms() + p->stall);
	CURLcode code = CURLE_FAILED_INIT;

	if (c != NULL && curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(left > 0 ? left : 1)) == CURLE_OK &&
	    regtls_apply(&p->tls, c, true) == 0)
		code = curl_easy_perform(c);
	curl_easy_cleanup(c);
	return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_COULDNT_CONNECT;
}

int regpool_open(struct regpool *p, const char *host, struct err *e)
{
	/* Docker Hub's registry is not where its images' names say. */
	const char *at = strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host;

	regtry_renew(p);
	p->token_.state_ = REGTASK_ENDED;
	p->multi_ = curl_multi_init();
	if (p->multi_ == NULL || asprintf(&p->base, "https://%s", at) < 0) {
		p->base = NULL;
		return err_no_memory(e);
	}
	if (!p->tls.insecure || !speaks_http(p, p->base))
		return 0;
	free(p->base);
	if (asprintf(&p->base, "http://%s", at) >= 0)
		return 0;
	p->base = NULL;
	return err_no_memory(e);
}

void regpool_close(struct regpool *p)
{
	regtask_free(&p->token_);
	regauth_free(&p->auth);
	regtls_free(&p->tls);
	(void)curl_multi_cleanup(p->multi_);
	free(p->base);
	*p = (struct regpool){ 0 };
}

int regpool_run(struct regpool *p, struct regtask **v, size_t n, struct err *e)
{
	int rc = 0;
	size_t i;

	while (rc == 0 && unfinished(v, n) > 0) {
		if (ms_left(p->deadline) == 0) {
			(void)err_set(e, "the time was up");
			rc = REGPOOL_LATE;
			break;
		}
		rc = begin_some(p, v, n, e);
		if (rc == 0)
			rc = turn(p, v, n, e);
		tell(p, v, n);
	}
	for (i = 0; i < n; i++)
		stop(p, v[i]);
	stop(p, &p->token_);
	return rc;
}
