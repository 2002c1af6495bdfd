#include "net/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/version.h"
#include "net/proxy.h"
#include "net/url.h"

enum { MAX_REDIRECTS = 5, CONNECT_MS = 30000 };

struct state {
	struct download *d;
	struct err *e;
	CURL *curl;
	uint64_t offset;   /* where the range that was requested begins */
	uint64_t first;    /* where the range that the server sends begins, by its Content-Range */
	uint64_t have;     /* bytes in the file */
	int64_t moved;     /* when data last arrived, of now_ms */
	uint64_t moved_to; /* bytes of this response by then */
	bool started;      /* the response has been judged by begin() */
	int rc;            /* why we ended the transfer, or 0 */
	char text[CURL_ERROR_SIZE];
};

/* Ends the transfer from a write callback. */
static size_t stop(struct state *s, int rc)
{
	s->rc = rc;
	return 0;
}

static int empty(struct state *s)
{
	s->have = 0;
	return ftruncate(s->d->fd, 0) == 0 && lseek(s->d->fd, 0, SEEK_SET) == 0 ? 0 : err_sys(s->e, "write");
}

/* The file cannot be continued: empties it for a new attempt, unless this attempt started with an empty file. */
static int restart(struct state *s)
{
	if (s->offset == 0)
		return DOWNLOAD_GONE;
	return empty(s) < 0 ? -1 : DOWNLOAD_RESTART;
}

/* Judges the response when its first bytes have arrived. Returns 0, or the result that ends the transfer. */
static int begin(struct state *s)
{
	long code = 0;

	s->started = true;
	(void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &code);
	/* 0: a file URL, which has no status. */
	if (code == 206 || code == 0) {
		s->d->continued = s->offset > 0;
		if (code == 0 || s->first == s->offset)
			return 0;
		(void)err_set(s->e, "the server sent a different range");
		return restart(s);
	}
	if (code == 200)
		return empty(s);
	(void)err_set(s->e, "status %ld", code);
	return DOWNLOAD_GONE;
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct state *s = arg;
	size_t n = size * count, done = 0;
	ssize_t w;
	int rc;

	if (!s->started && (rc = begin(s)) < 0)
		return stop(s, rc);
	if (n > s->d->max - s->have) {
		(void)err_set(s->e, "larger than %llu bytes", (unsigned long long)s->d->max);
		return stop(s, DOWNLOAD_GONE);
	}
	while (done < n) {
		w = write(s->d->fd, data + done, n - done);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			(void)err_sys(s->e, "write");
			return stop(s, -1);
		}
		done += (size_t)w;
		s->have += (size_t)w;
	}
	return n;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct state *s = arg;

	/* Without this header FIRST stays UINT64_MAX, which matches no offset. */
	(void)url_content_range(line, size * count, &s->first);
	return size * count;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
	struct state *s = arg;

	(void)up_total;
	(void)up;
	if ((uint64_t)now != s->moved_to) {
		s->moved_to = (uint64_t)now;
		s->moved = now_ms();
	}
	/* CURLOPT_LOW_SPEED_TIME is not exact enough: it takes the mean of several seconds. */
	if (now_ms() - s->moved >= (int64_t)s->d->stall * 1000 && s->rc == 0) {
		(void)err_set(s->e, "no data for %d seconds", s->d->stall);
		s->rc = DOWNLOAD_AGAIN;
	}
	/* TOTAL and NOW count this response only; HAVE - NOW bytes were there before it. */
	if (s->d->progress != NULL && s->started && s->rc == 0)
		s->d->progress(s->d->arg, s->have, total > 0 ? (uint64_t)(total - now) + s->have : 0);
	return s->rc;
}

static int set_up(struct state *s)
{
	struct download *d = s->d;
	int left = ms_left(d->deadline);
	char range[32];
	unsigned bad = 0;

	(void)snprintf(range, sizeof range, "%llu-", (unsigned long long)s->offset);
	bad |= curl_easy_setopt(s->curl, CURLOPT_URL, d->url);
	bad |= proxy_except_loopback(s->curl);
	bad |= curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
	bad |= curl_easy_setopt(s->curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(s->curl, CURLOPT_FOLLOWLOCATION, 1L);
	bad |= curl_easy_setopt(s->curl, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
	bad |= curl_easy_setopt(s->curl, CURLOPT_FAILONERROR, 1L);
	bad |= curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(s->curl, CURLOPT_USERAGENT, "kubestamp-fetch/" KS_VERSION);
	bad |= curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->text);
	bad |= curl_easy_setopt(s->curl, CURLOPT_TIMEOUT_MS, (long)left);
	bad |= curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(left < CONNECT_MS ? left : CONNECT_MS));
	bad |= curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_data);
	bad |= curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
	bad |= curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, s);
	if (s->offset > 0)
		bad |= curl_easy_setopt(s->curl, CURLOPT_RANGE, range);
	bad |= curl_easy_setopt(s->curl, CURLOPT_NOPROGRESS, 0L);
	bad |= curl_easy_setopt(s->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	bad |= curl_easy_setopt(s->curl, CURLOPT_XFERINFODATA, s);
	return bad == 0 ? 0 : err_set(s->e, "libcurl cannot be set up");
}

static int http_error(struct state *s)
{
	curl_off_t wait = 0;
	long code = 0;

	(void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &code);
	(void)curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &wait);
	(void)err_set(s->e, "status %ld", code);
	if (code == 416)
		return restart(s);
	if (code == 429 || code == 503)
		s->d->retry_after = wait < INT32_MAX ? (int)wait : INT32_MAX;
	return code == 408 || code == 429 || code >= 500 ? DOWNLOAD_AGAIN : DOWNLOAD_GONE;
}

/* Decides whether a failed transfer is worth another attempt. */
static int judge(struct state *s, CURLcode code)
{
	if (s->rc != 0)
		return s->rc;
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return http_error(s);
	(void)err_set(s->e, "%s", s->text[0] != '\0' ? s->text : curl_easy_strerror(code));
	if (ms_left(s->d->deadline) == 0)
		return DOWNLOAD_LATE;
	switch (code) {
	case CURLE_BAD_DOWNLOAD_RESUME:
	case CURLE_RANGE_ERROR:
		return restart(s);
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return DOWNLOAD_AGAIN;
	default:
		return DOWNLOAD_GONE;
	}
}

int download(struct download *d, struct err *e)
{
	struct state s = { .d = d, .e = e, .first = UINT64_MAX, .moved = now_ms() };
	off_t end = lseek(d->fd, 0, SEEK_END);
	CURLcode code;
	int rc;

	d->continued = false;
	d->retry_after = 0;
	if (end < 0)
		return err_sys(e, "seek");
	s.offset = s.have = (uint64_t)end;
	/* libcurl would take 0 as no limit. */
	if (ms_left(d->deadline) == 0) {
		(void)err_set(e, "timed out");
		return DOWNLOAD_LATE;
	}
	if (s.have > d->max && empty(&s) < 0)
		return -1;
	s.offset = s.have;
	s.curl = curl_easy_init();
	if (s.curl == NULL)
		return err_no_memory(e);
	rc = set_up(&s);
	if (rc == 0) {
		code = curl_easy_perform(s.curl);
		/* An empty response never calls on_data. */
		if (code == CURLE_OK && !s.started)
			rc = begin(&s);
		else if (code != CURLE_OK)
			rc = judge(&s, code);
	}
	curl_easy_cleanup(s.curl);
	return rc;
}
