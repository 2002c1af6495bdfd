#include "registry/queue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "net/proxy.h"
#include "registry/url.h"

/* The pause doubles with each attempt. Part of it is random, so that many clients do not return at the same time. */
enum { BACKOFF_MS = 500, MAX_BACKOFF_MS = 32000 };
enum { MAX_REDIRECTS = 5, MAX_DENIED = 3 };
/* How often deadlines and stalls are checked while nothing happens. */
enum { POLL_MS = 200 };

int regqueue_request(struct regqueue *q, struct regtask *t, const char *method, struct err *e, const char *format, ...)
{
	AUTO_FREE char *path = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&path, format, ap);
	va_end(ap);
	reghttp_request_free(&t->req);
	t->req.method = method;
	if (n < 0 || asprintf(&t->req.url, "%s/v2/%s", q->base, path) < 0) {
		path = n < 0 ? NULL : path;
		t->req.url = NULL;
		return err_no_memory(e);
	}
	t->repeat = true;
	return 0;
}

const char *regtask_from(const struct regtask *t)
{
	return t->url_ != NULL ? t->url_ : t->req.url;
}

void regtask_free(struct regtask *t)
{
	reghttp_request_free(&t->req);
	reghttp_answer_free(&t->ans);
	free(t->url_);
	t->url_ = NULL;
}

static __attribute__((format(printf, 2, 3))) void note(const struct regqueue *q, const char *fmt, ...)
{
	struct err text;
	va_list ap;

	if (q->note == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text.msg, sizeof text.msg, fmt, ap);
	va_end(ap);
	q->note(q->note_arg, text.msg);
}

/* Calls T's step and notes the end of the chain. Returns REGTASK_MORE, 0 or -1. */
static int call_step(struct regtask *t, struct err *e)
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

/* Schedules another attempt after a pause, if any is left. E is the reason. Returns 0, -1 or REGQUEUE_LATE. */
static int again(struct regqueue *q, struct regtask *t, struct err *e)
{
	int64_t ms, now = now_ms();

	if (t->tries++ >= q->retries)
		return -1;
	ms = backoff(t->tries, t->ans.retry_after);
	if (ms >= ms_left(q->deadline)) {
		(void)err_prefix(e, "no time for another attempt");
		return REGQUEUE_LATE;
	}
	/* Half the connections, once for all requests that were under way when the first 429 arrived. */
	if (t->ans.status == 429 && q->jobs > 1 && t->since_ >= q->not_before_) {
		q->jobs /= 2;
		note(q, "using %lld connections from now on", (long long)q->jobs);
	}
	t->due_ = now + ms;
	if ((t->ans.status == 429 || t->ans.status == 503) && t->due_ > q->not_before_)
		q->not_before_ = t->due_;
	t->cut = !t->repeat;
	free(t->url_);
	t->url_ = NULL;
	t->redirects_ = 0;
	note(q, "%s: %s; retrying in %lld ms", t->name, e->msg, (long long)ms);
	return 0;
}

/* A 401 from the registry itself. */
static int denied(struct regqueue *q, struct regtask *t, struct err *e)
{
	if (++t->denied_ > MAX_DENIED)
		return regauth_refused(&q->auth, e);
	return regauth_challenged(&q->auth, &t->ans.challenges, t->generation_, e);
}

static bool is_redirect(const struct regtask *t)
{
	bool reads = strcmp(t->req.method, "GET") == 0 || strcmp(t->req.method, "HEAD") == 0;
	long s = t->ans.status;

	/* Clients may turn other methods into GET after a 301, 302 or 303: those are not followed. */
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

/*
 * T's transfer ended and reghttp_end returned HTTP_RC: authenticates, follows a redirection, retries, or takes the
 * task's next step. Returns 0, -1 or REGQUEUE_LATE.
 */
static int judge(struct regqueue *q, struct regtask *t, int http_rc, struct err *e)
{
	int rc;

	if (http_rc < 0)
		*e = t->http_.err;
	if (http_rc == REGHTTP_FATAL)
		return -1;
	/* An unknown host or a failed TLS handshake is retried only if the registry has answered before. */
	if (t->ans.transient || (t->ans.unlikely && q->answered)) {
		if (http_rc == 0)
			(void)reghttp_refused(&t->ans, e);
		return again(q, t, e);
	}
	if (http_rc < 0)
		return -1;
	if (t->ans.status == 401 && t->ours_ && t != &q->token_)
		return denied(q, t, e);
	q->auth.worked |= t->ours_ && t->generation_ > 0;
	if (is_redirect(t))
		return redirect(t, e);
	rc = call_step(t, e);
	return rc < 0 ? -1 : 0;
}

/* The step of the task that fetches tokens. */
static int token_step(struct regtask *t, struct err *e)
{
	struct regqueue *q = t->arg;

	if (t->ans.status != 0)
		return regauth_take(&q->auth, &t->ans, e);
	t->repeat = true;
	return regauth_ask(&q->auth, &t->req, e) < 0 ? -1 : REGTASK_MORE;
}

/* Readies the queue's own task to fetch a new token. */
static void renew_token(struct regqueue *q)
{
	regtask_free(&q->token_);
	q->token_ = (struct regtask){ .step = token_step, .arg = q, .name = "token", .req.fd = -1 };
}

/* The first task that may begin now, or NULL. */
static struct regtask *next(const struct regqueue *q, struct regtask **v, size_t n)
{
	int64_t now = now_ms();
	size_t i;

	if (q->running_ >= (size_t)q->jobs || now < q->not_before_)
		return NULL;
	for (i = 0; i < n; i++)
		if (v[i]->state_ == REGTASK_WAITS && v[i]->due_ <= now)
			return v[i];
	return NULL;
}

static int begin(struct regqueue *q, struct regtask *t, struct err *e)
{
	const char *url;
	bool login;

	/* A task that is new, or was cut, must first choose its next request. */
	if (t->req.url == NULL || t->cut) {
		int rc = call_step(t, e);

		if (rc != REGTASK_MORE)
			return rc;
	}
	url = regtask_from(t);
	t->ours_ = regurl_same_origin(url, q->base);
	if (t == &q->token_) {
		/* The token server may redirect us, but the password stays with it. */
		login = regurl_same_origin(url, t->req.url);
	} else {
		login = t->ours_;
		regcred_forget(t->req.authorization);
		t->req.authorization = login ? regauth_header(&q->auth) : NULL;
		t->generation_ = q->auth.generation;
	}
	t->since_ = t->moved_ = now_ms();
	t->steps_ = 0;
	if (reghttp_begin(&t->http_, &t->req, &t->ans, &q->tls, url, (struct reghttp_trust){ login, t->ours_ }, e) < 0)
		return -1;
	(void)curl_easy_setopt(t->http_.curl, CURLOPT_PRIVATE, t);
	if (curl_multi_add_handle(q->multi_, t->http_.curl) != CURLM_OK)
		return err_set(e, "cannot set up libcurl");
	t->state_ = REGTASK_RUNS;
	q->running_ += t != &q->token_;
	return 0;
}

/* T's transfer ended with CODE. Returns 0, -1 or REGQUEUE_LATE. */
static int ended(struct regqueue *q, struct regtask *t, CURLcode code, struct err *e)
{
	int rc;

	(void)curl_multi_remove_handle(q->multi_, t->http_.curl);
	rc = reghttp_end(&t->http_, code);
	q->running_ -= t != &q->token_;
	q->sent += t->http_.sent;
	q->received += t->http_.received;
	t->http_.sent = t->http_.received = 0;
	t->state_ = REGTASK_WAITS;
	q->answered |= t->ours_ && t->ans.status != 0;
	rc = judge(q, t, rc, e);
	if (rc < 0)
		(void)err_prefix(e, "%s", t->name);
	return rc;
}

/* The timeout for stalls, in ms: once the whole body was sent, longer by 1 s for each 8 MiB that are to be verified. */
static int64_t stall_timeout(const struct regqueue *q, const struct regtask *t)
{
	bool all_sent = t->req.n > 0 && t->http_.sent == t->req.n;

	return q->stall + (all_sent ? (int64_t)(t->req.n >> 13) : 0);
}

/* Ends the transfer of T if it stalls. Returns 0, -1 or REGQUEUE_LATE. */
static int watch(struct regqueue *q, struct regtask *t, struct err *e)
{
	int64_t now = now_ms();

	if (t->state_ != REGTASK_RUNS)
		return 0;
	if (t->http_.steps != t->steps_) {
		t->steps_ = t->http_.steps;
		t->moved_ = now;
	}
	if (now - t->moved_ < stall_timeout(q, t))
		return 0;
	(void)err_set(&t->http_.err, "no data was transferred for %lld seconds", (long long)(now - t->moved_) / 1000);
	return ended(q, t, CURLE_OPERATION_TIMEDOUT, e);
}

/* Begins tasks as far as the limits allow; a new token comes first if one is needed. Returns 0 or -1. */
static int begin_some(struct regqueue *q, struct regtask **v, size_t n, struct err *e)
{
	struct regtask *t;

	if (regauth_wants_token(&q->auth)) {
		t = &q->token_;
		if (t->state_ == REGTASK_ENDED)
			renew_token(q);
		if (t->state_ == REGTASK_WAITS && t->due_ <= now_ms() && begin(q, t, e) < 0)
			return err_prefix(e, "%s", t->name);
		return 0;
	}
	while ((t = next(q, v, n)) != NULL)
		if (begin(q, t, e) < 0)
			return err_prefix(e, "%s", t->name);
	return 0;
}

/* Milliseconds until the next task is due, or POLL_MS. */
static int pause_of(const struct regqueue *q, struct regtask **v, size_t n)
{
	int64_t at = now_ms() + POLL_MS;
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i]->state_ == REGTASK_WAITS && v[i]->due_ > now_ms() && v[i]->due_ < at)
			at = v[i]->due_;
	if (q->not_before_ > now_ms() && q->not_before_ < at)
		at = q->not_before_;
	return ms_left(q->deadline < at ? q->deadline : at);
}

static void report_progress(struct regqueue *q, struct regtask **v, size_t n)
{
	uint64_t sent = q->sent, received = q->received;
	size_t i;

	if (q->progress == NULL)
		return;
	for (i = 0; i < n; i++) {
		sent += v[i]->http_.sent;
		received += v[i]->http_.received;
	}
	q->progress(q->progress_arg, sent, received);
}

/* Waits for events on the connections and handles them. Returns 0, -1 or REGQUEUE_LATE. */
static int handle_events(struct regqueue *q, struct regtask **v, size_t n, struct err *e)
{
	struct regtask *t;
	CURLMcode code;
	CURLMsg *msg;
	int left, rc = 0;
	size_t i;

	code = curl_multi_perform(q->multi_, &left);
	if (code == CURLM_OK && (msg = curl_multi_info_read(q->multi_, &left)) == NULL)
		code = curl_multi_poll(q->multi_, NULL, 0, pause_of(q, v, n), NULL);
	if (code != CURLM_OK)
		return err_set(e, "libcurl: %s", curl_multi_strerror(code));
	for (; rc == 0 && msg != NULL; msg = rc == 0 ? curl_multi_info_read(q->multi_, &left) : NULL) {
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		rc = ended(q, t, msg->data.result, e);
	}
	for (i = 0; rc == 0 && i < n; i++)
		rc = watch(q, v[i], e);
	if (rc == 0)
		rc = watch(q, &q->token_, e);
	return rc;
}

/* Cancels T's transfer. */
static void stop(struct regqueue *q, struct regtask *t)
{
	if (t->state_ != REGTASK_RUNS)
		return;
	(void)curl_multi_remove_handle(q->multi_, t->http_.curl);
	(void)reghttp_end(&t->http_, CURLE_ABORTED_BY_CALLBACK);
	q->running_ -= t != &q->token_;
	t->state_ = REGTASK_ENDED;
}

static size_t unfinished(struct regtask **v, size_t n)
{
	size_t i, some = 0;

	for (i = 0; i < n; i++)
		some += v[i]->state_ != REGTASK_ENDED;
	return some;
}

/* Does the registry at URL, an https URL, use http only? Makes a TLS handshake and sends nothing. */
static bool speaks_http(const struct regqueue *q, const char *url)
{
	CURL *c = curl_easy_init();
	int left = ms_left(q->deadline < now_ms() + q->stall ? q->deadline : now_ms() + q->stall);
	CURLcode code = CURLE_FAILED_INIT;

	if (c != NULL && curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK && proxy_except_loopback(c) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(left > 0 ? left : 1)) == CURLE_OK &&
	    regtls_apply(&q->tls, c, true) == 0)
		code = curl_easy_perform(c);
	curl_easy_cleanup(c);
	return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_COULDNT_CONNECT;
}

int regqueue_open(struct regqueue *q, const char *host, struct err *e)
{
	/* Docker Hub's registry has another host than the names of its images. */
	const char *at = strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host;

	renew_token(q);
	q->token_.state_ = REGTASK_ENDED;
	q->multi_ = curl_multi_init();
	if (q->multi_ == NULL || asprintf(&q->base, "https://%s", at) < 0) {
		q->base = NULL;
		return err_no_memory(e);
	}
	if (!q->tls.insecure || !speaks_http(q, q->base))
		return 0;
	free(q->base);
	if (asprintf(&q->base, "http://%s", at) >= 0)
		return 0;
	q->base = NULL;
	return err_no_memory(e);
}

void regqueue_close(struct regqueue *q)
{
	regtask_free(&q->token_);
	regauth_free(&q->auth);
	regtls_free(&q->tls);
	(void)curl_multi_cleanup(q->multi_);
	free(q->base);
	*q = (struct regqueue){ 0 };
}

int regqueue_run(struct regqueue *q, struct regtask **v, size_t n, struct err *e)
{
	int rc = 0;
	size_t i;

	while (rc == 0 && unfinished(v, n) > 0) {
		if (ms_left(q->deadline) == 0) {
			(void)err_set(e, "timed out");
			rc = REGQUEUE_LATE;
			break;
		}
		rc = begin_some(q, v, n, e);
		if (rc == 0)
			rc = handle_events(q, v, n, e);
		report_progress(q, v, n);
	}
	for (i = 0; i < n; i++)
		stop(q, v[i]);
	stop(q, &q->token_);
	return rc;
}
