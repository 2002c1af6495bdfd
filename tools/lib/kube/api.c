#include "kube/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/version.h"
#include "net/printable.h"

enum { MIB = 1024 * 1024, LIST_MAX = 64 * MIB, LINE_MAX_ = 4 * MIB };
enum { FIRST_PAUSE_MS = 200, LAST_PAUSE_MS = 5000, SHORT_MS = 1000 };
enum { CONNECT_MS = 30000, LIST_MS = 120000, SLOW_SECONDS = 30, KEEPALIVE_SECONDS = 10 };

static void end_request(CURLM *multi, struct kubeapi_feed *f)
{
	if (f->curl_ != NULL) {
		(void)curl_multi_remove_handle(multi, f->curl_);
		curl_easy_cleanup(f->curl_);
	}
	curl_slist_free_all(f->headers_);
	f->curl_ = NULL;
	f->headers_ = NULL;
	f->n_ = 0;
}

/* Schedules a retry after the failure in F's err. RELIST: it starts with a new list. */
static void retry_later(struct kubeapi_feed *f, bool relist)
{
	if (relist)
		f->version_[0] = '\0';
	f->due_ = now_ms() + f->pause_;
	f->pause_ = f->pause_ * 2 > LAST_PAUSE_MS ? LAST_PAUSE_MS : f->pause_ * 2;
	if (strcmp(f->err_.msg, f->told_.msg) == 0)
		return;
	f->told_ = f->err_;
	f->trouble(f->arg, &f->err_);
}

/* Called for a watch that lasts: a failure after that is a new one. */
static void reset_failures(struct kubeapi_feed *f)
{
	f->pause_ = FIRST_PAUSE_MS;
	f->told_.msg[0] = '\0';
}

static int append(struct kubeapi_feed *f, const char *data, size_t n, size_t max)
{
	size_t room = f->room_ == 0 ? 65536 : f->room_;
	char *p;

	if (n > max - f->n_)
		return err_set(&f->err_, "more than %zu MiB", max / MIB);
	while (room < f->n_ + n)
		room *= 2;
	if (room > f->room_) {
		p = realloc(f->buf_, room);
		if (p == NULL)
			return err_no_memory(&f->err_);
		f->buf_ = p;
		f->room_ = room;
	}
	(void)memcpy(f->buf_ + f->n_, data, n);
	f->n_ += n;
	return 0;
}

/* Passes a complete line on. Returns 0 or -1. */
static int take_line(struct kubeapi_feed *f)
{
	size_t n = f->n_;
	int rc;

	f->n_ = 0;
	rc = n > 0 ? f->event(f->arg, f->buf_, n, f->version_, &f->err_) : 0;
	return rc < 0 || rc == KUBEAPI_GONE ? -1 : 0;
}

/* Returns N, or 0 for invalid data: libcurl then ends the transfer with CURLE_WRITE_ERROR. */
static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct kubeapi_feed *f = arg;
	size_t n = size * count, at, some;
	const char *end;
	long status;

	(void)curl_easy_getinfo(f->curl_, CURLINFO_RESPONSE_CODE, &status);
	/* The body of an error is ignored: the status is enough. */
	if (status != 200)
		return n;
	if (!f->watching_)
		return append(f, data, n, LIST_MAX) < 0 ? 0 : n;
	for (at = 0; at < n; at += some) {
		end = memchr(data + at, '\n', n - at);
		some = end != NULL ? (size_t)(end - data) - at + 1 : n - at;
		if (append(f, data + at, some - (end != NULL), LINE_MAX_) < 0 || (end != NULL && take_line(f) < 0))
			return 0;
	}
	return n;
}

/* Reads the token each time, since it is renewed in its file. Returns 0 or -1. */
static int read_token(const char *path, char *token, size_t size, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return err_sys(e, "%s", path);
	n = fread(token, 1, size - 1, f);
	if (ferror(f))
		return err_sys(e, "%s", path);
	while (n > 0 && token[n - 1] == '\n')
		n--;
	token[n] = '\0';
	/* RFC 6750, 2.1; anything else could inject a header. */
	if (n == 0 || n == size - 1 ||
	    strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") != n)
		return err_set(e, "%s: not a token", path);
	return 0;
}

static unsigned set_token(struct kubeapi_feed *f, struct err *e)
{
	char token[16384];
	unsigned bad;

	if (f->server->token == NULL || strncmp(f->server->url, "https:", 6) != 0)
		return 0;
	if (read_token(f->server->token, token, sizeof token, e) < 0)
		return 1;
	bad = curl_easy_setopt(f->curl_, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
	bad |= curl_easy_setopt(f->curl_, CURLOPT_XOAUTH2_BEARER, token);
	explicit_bzero(token, sizeof token);
	return bad;
}

static unsigned set_limits(struct kubeapi_feed *f)
{
	CURL *c = f->curl_;
	long watch = (long)f->server->watch * 1000;
	unsigned bad = curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);

	bad |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, f->watching_ ? watch + watch / 10 : (long)LIST_MS);
	/* A watch may be silent for long, a list may not. */
	bad |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, f->watching_ ? 0L : 1L);
	bad |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
	bad |= curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS);
	bad |= curl_easy_setopt(c, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_SECONDS);
	return bad;
}

static unsigned set_request(struct kubeapi_feed *f)
{
	char url[2048];
	CURL *c = f->curl_;
	unsigned bad;
	int n;

	if (f->watching_)
		n = snprintf(url, sizeof url,
		    "%s%s?watch=1&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%d", f->server->url,
		    f->path, f->version_, f->server->watch);
	else
		n = snprintf(url, sizeof url, "%s%s", f->server->url, f->path);
	if (n < 0 || (size_t)n >= sizeof url)
		return 1;
	f->headers_ = curl_slist_append(NULL, "Accept: application/json");
	bad = f->headers_ == NULL;
	bad |= curl_easy_setopt(c, CURLOPT_URL, url);
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, f->headers_);
	/* A proxy in the environment is meant for outside, not for the API server. */
	bad |= curl_easy_setopt(c, CURLOPT_PROXY, "");
	/* With HTTP/2 a request that timed out would leave a dead connection, which the next one would use. */
	bad |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_USERAGENT, "kubestamp/" KS_VERSION);
	if (f->server->ca != NULL) {
		bad |= curl_easy_setopt(c, CURLOPT_CAINFO, f->server->ca);
		bad |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->text_);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	bad |= curl_easy_setopt(c, CURLOPT_PRIVATE, f);
	return bad;
}

static void begin(CURLM *multi, struct kubeapi_feed *f)
{
	f->err_.msg[0] = f->text_[0] = '\0';
	f->watching_ = f->version_[0] != '\0';
	f->since_ = now_ms();
	if (f->pause_ == 0)
		reset_failures(f);
	f->curl_ = curl_easy_init();
	if (f->curl_ != NULL && (set_request(f) | set_limits(f) | set_token(f, &f->err_)) == 0 &&
	    curl_multi_add_handle(multi, f->curl_) == CURLM_OK)
		return;
	if (f->err_.msg[0] == '\0')
		(void)err_set(&f->err_, "libcurl: setup failed");
	curl_easy_cleanup(f->curl_); /* it was not added to MULTI */
	f->curl_ = NULL;
	end_request(multi, f);
	retry_later(f, false);
}

/* Handles the response to a request. Returns 0, or -1 and F's err. RELIST is set if the version is no longer usable. */
static int judge(struct kubeapi_feed *f, long status, bool *relist)
{
	if (status != 200) {
		/* A new list does not help if access is denied (401, 403) or the server is busy (429). */
		*relist = status >= 400 && status < 500 && status != 401 && status != 403 && status != 429;
		return err_set(&f->err_, "status %ld", status);
	}
	if (!f->watching_) {
		if (f->list(f->arg, f->buf_ != NULL ? f->buf_ : "", f->n_, f->version_, &f->err_) < 0)
			return -1;
		f->listed = true;
		return 0;
	}
	return now_ms() - f->since_ < SHORT_MS ? err_set(&f->err_, "the watch ended immediately") : 0;
}

/* Sets F's err to libcurl's message, or if that has a counter to the general text, which does not differ each time. */
static void explain(struct kubeapi_feed *f, CURLcode code)
{
	bool counts = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_PARTIAL_FILE;

	(void)err_set(&f->err_, "%s", counts || f->text_[0] == '\0' ? curl_easy_strerror(code) : f->text_);
	printable(f->err_.msg);
}

static void ended(CURLM *multi, struct kubeapi_feed *f, CURLcode code)
{
	bool relist = code == CURLE_WRITE_ERROR;
	long status = 0;
	int rc = -1;

	(void)curl_easy_getinfo(f->curl_, CURLINFO_RESPONSE_CODE, &status);
	if (f->watching_ && status == 200 && now_ms() - f->since_ >= SHORT_MS)
		reset_failures(f);
	if (code == CURLE_OK)
		rc = judge(f, status, &relist);
	else if (!relist)
		explain(f, code);
	end_request(multi, f);
	if (rc == 0)
		f->due_ = now_ms();
	else
		retry_later(f, relist);
}

int kubeapi_step(CURLM *multi, struct kubeapi_feed *feeds, size_t count, int fd, int timeout, struct err *e)
{
	struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
	int64_t until = now_ms() + timeout;
	struct kubeapi_feed *f;
	CURLMcode rc;
	CURLMsg *msg;
	int left;

	for (f = feeds; f < feeds + count; f++) {
		if (f->curl_ == NULL && f->due_ <= now_ms())
			begin(multi, f);
		if (f->curl_ == NULL && f->due_ < until)
			until = f->due_;
	}
	/* A request that was just added ends the wait at once. */
	rc = curl_multi_poll(multi, &extra, fd >= 0, ms_left(until), NULL);
	if (rc == CURLM_OK)
		rc = curl_multi_perform(multi, &left);
	if (rc != CURLM_OK)
		return err_set(e, "libcurl: %s", curl_multi_strerror(rc));
	while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		ended(multi, f, msg->data.result);
	}
	return 0;
}

void kubeapi_free(CURLM *multi, struct kubeapi_feed *feeds, size_t count)
{
	struct kubeapi_feed *f;

	for (f = feeds; f < feeds + count; f++) {
		end_request(multi, f);
		free(f->buf_);
		f->buf_ = NULL;
		f->room_ = 0;
	}
}
