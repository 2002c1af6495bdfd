#include "registry/http.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/version.h"
#include "net/printable.h"
#include "net/proxy.h"
#include "net/url.h"
#include "oci/document.h"
#include "registry/credentials.h"

enum { CONNECT_MS = 30000, BUFFER = 256 * 1024, REFUSAL_MAX = 65536, CHALLENGES_MAX = 16 };

int reghttp_refused(const struct reghttp_answer *a, struct err *e)
{
	json_t *j = a->text != NULL ? json_loadb(a->text, a->n, 0, NULL) : NULL;
	const char *code = json_string_value(json_object_get(json_array_get(json_object_get(j, "errors"), 0), "code"));
	size_t n = code != NULL ? strlen(code) : 0;

	/* The message is not shown: it is foreign text, in which our own credentials may come back. */
	if (n > 0 && n <= 40 && strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == n)
		(void)err_set(e, "status %ld (%s)", a->status, code);
	else
		(void)err_set(e, "status %ld", a->status);
	json_decref(j);
	return -1;
}

bool reghttp_other_digest(const struct reghttp_answer *a, const char *hex)
{
	return a->digest != NULL && strncmp(a->digest, "sha256:", 7) == 0 && strcmp(a->digest + 7, hex) != 0;
}

void reghttp_request_free(struct reghttp_request *r)
{
	free(r->url);
	regcred_forget(r->authorization);
	regcred_forget(r->text);
	*r = (struct reghttp_request){ .fd = -1 };
}

void reghttp_answer_free(struct reghttp_answer *a)
{
	free(a->location);
	free(a->range);
	free(a->digest);
	free(a->media);
	free(a->subject);
	free(a->text);
	words_free(&a->challenges);
	*a = (struct reghttp_answer){ .first = UINT64_MAX };
}

/* Sets *TO to the value of the header LINE (N bytes) if it is NAME. The last one counts. */
static void take_header(const char *line, size_t n, const char *name, char **to)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
		return;
	for (len++; len < n && isspace((unsigned char)line[len]);)
		len++;
	while (n > len && isspace((unsigned char)line[n - 1]))
		n--;
	free(*to);
	*to = strndup(line + len, n - len);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct reghttp *h = arg;
	struct reghttp_answer *a = h->a;
	AUTO_FREE char *challenge = NULL;
	size_t n = size * count;

	h->steps++;
	/* Another answer follows "100 Continue". */
	if (n > 5 && strncmp(line, "HTTP/", 5) == 0) {
		reghttp_answer_free(a);
		return n;
	}
	take_header(line, n, "Location", &a->location);
	take_header(line, n, "Range", &a->range);
	take_header(line, n, "Docker-Content-Digest", &a->digest);
	take_header(line, n, "Content-Type", &a->media);
	take_header(line, n, "OCI-Subject", &a->subject);
	take_header(line, n, "WWW-Authenticate", &challenge);
	if (challenge != NULL && a->challenges.n < CHALLENGES_MAX)
		(void)words_add(&a->challenges, challenge);
	(void)url_content_range(line, n, &a->first);
	return n;
}

/* Keeps the body in memory. A longer one than allowed is an error; that of an error status is truncated. */
static size_t keep(struct reghttp *h, const char *data, size_t n)
{
	struct reghttp_answer *a = h->a;
	bool good = a->status / 100 == 2;
	size_t max = good ? OCI_MAX_JSON : REFUSAL_MAX, room, some = n;
	char *p;

	if (some > max - a->n) {
		if (good) {
			h->failed_ = true;
			(void)err_set(&h->err, "an answer of more than %zu bytes", max);
			return 0;
		}
		some = max - a->n;
	}
	for (room = 4096; room < a->n + some + 1;)
		room *= 2;
	p = realloc(a->text, room);
	if (p == NULL) {
		h->failed_ = true;
		(void)err_no_memory(&h->err);
		return 0;
	}
	a->text = p;
	(void)memcpy(p + a->n, data, some);
	a->n += some;
	p[a->n] = '\0';
	return n;
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct reghttp *h = arg;
	size_t n = size * count;

	h->steps++;
	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &h->a->status);
	if (h->r->sink == NULL || (h->a->status != 200 && h->a->status != 206))
		return keep(h, data, n);
	h->received += n;
	if (h->r->sink(h->r->arg, h->a, data, n, &h->err) == 0)
		return n;
	h->failed_ = true;
	return 0;
}

/* Hands libcurl the next part of the request's body. */
static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct reghttp *h = arg;
	struct reghttp_request *r = h->r;
	size_t n = size * count;
	ssize_t some;

	h->steps++;
	if (n > r->n - h->sent)
		n = (size_t)(r->n - h->sent);
	if (r->fd < 0) {
		(void)memcpy(to, r->text + h->sent, n);
		h->sent += n;
		return n;
	}
	if (n == 0)
		return 0;
	do
		some = pread(r->fd, to, n, (off_t)(r->from + h->sent));
	while (some < 0 && errno == EINTR);
	if (some > 0) {
		h->sent += (size_t)some;
		return (size_t)some;
	}
	h->failed_ = true;
	(void)(some < 0 ? err_sys(&h->err, "read") : err_set(&h->err, "the file was truncated"));
	return CURL_READFUNC_ABORT;
}

/* libcurl replaces a connection that was closed before the request arrived, and sends the body again. */
static int on_seek(void *arg, curl_off_t to, int origin)
{
	struct reghttp *h = arg;

	if (origin != SEEK_SET || to < 0 || (uint64_t)to > h->r->n)
		return CURL_SEEKFUNC_FAIL;
	h->sent = (uint64_t)to;
	return CURL_SEEKFUNC_OK;
}

/* Adds the header "NAME: VALUE" (NAME NULL: the line VALUE). Returns 0 or 1. */
static unsigned add_header(struct reghttp *h, const char *name, const char *value)
{
	struct curl_slist *more;
	char *line = NULL;

	if (value == NULL || *value == '\0')
		return 0;
	if (asprintf(&line, "%s%s%s", name != NULL ? name : "", name != NULL ? ": " : "", value) < 0)
		return 1;
	more = curl_slist_append(h->headers_, line);
	regcred_forget(line);
	if (more == NULL)
		return 1;
	h->headers_ = more;
	return 0;
}

static unsigned set_method(struct reghttp *h)
{
	CURL *c = h->curl;
	unsigned bad = 0;

	if (strcmp(h->r->method, "GET") == 0)
		return 0;
	if (strcmp(h->r->method, "HEAD") == 0)
		return curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, h->r->method);
	bad |= curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)h->r->n);
	bad |= curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER);
	bad |= curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	bad |= curl_easy_setopt(c, CURLOPT_READDATA, h);
	bad |= curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	bad |= curl_easy_setopt(c, CURLOPT_SEEKDATA, h);
	return bad;
}

static unsigned set_up(struct reghttp *h, const char *url, bool login)
{
	CURL *c = h->curl;
	unsigned bad = add_header(h, "Accept", h->r->accept);

	bad |= add_header(h, "Content-Type", h->r->type);
	bad |= add_header(h, NULL, h->r->range);
	bad |= add_header(h, "Authorization", login ? h->r->authorization : NULL);
	bad |= curl_easy_setopt(c, CURLOPT_URL, url);
	bad |= proxy_except_loopback(c);
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers_);
	bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/* --jobs counts connections; the streams of one HTTP/2 connection would share its flow control. */
	bad |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(c, CURLOPT_USERAGENT, "kubestamp/" KS_VERSION);
	bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->text_);
	bad |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	bad |= curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)BUFFER);
	bad |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	return bad | set_method(h);
}

int reghttp_begin(struct reghttp *h, struct reghttp_request *r, struct reghttp_answer *a, const struct regtls *tls,
    const char *url, struct reghttp_trust trust, struct err *e)
{
	*h = (struct reghttp){ .r = r, .a = a, .curl = curl_easy_init() };
	reghttp_answer_free(a);
	if (h->curl != NULL && (set_up(h, url, trust.login) | regtls_apply(tls, h->curl, trust.certificate)) == 0)
		return 0;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers_);
	*h = (struct reghttp){ 0 };
	return err_set(e, "cannot set up libcurl");
}

/* Is this error temporary, as far as one can tell? */
static bool is_transient(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_COULDNT_CONNECT:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_RECV_ERROR:
		return true;
	default:
		return false;
	}
}

/* Sets the error to libcurl's message, which may quote a certificate: only printable characters are kept. */
static void explain(struct reghttp *h, CURLcode code)
{
	if (code == CURLE_SSL_CONNECT_ERROR && strstr(h->text_, "wrong version number") != NULL)
		(void)err_set(&h->err, "the registry does not use https");
	else
		(void)err_set(&h->err, "%s", h->text_[0] != '\0' ? h->text_ : curl_easy_strerror(code));
	printable(h->err.msg);
}

int reghttp_end(struct reghttp *h, CURLcode code)
{
	struct reghttp_answer *a = h->a;
	curl_off_t wait = 0;
	int rc = 0;

	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &a->status);
	(void)curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
	a->retry_after = wait < INT32_MAX ? (int)wait : INT32_MAX;
	if (h->failed_) {
		rc = REGHTTP_FATAL;
	} else if (code != CURLE_OK) {
		rc = -1;
		a->transient = is_transient(code);
		a->unlikely = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
			      code == CURLE_SSL_CONNECT_ERROR;
		if (h->err.msg[0] == '\0')
			explain(h, code);
	} else if (a->status == 408 || a->status == 429 || a->status >= 500) {
		a->transient = true;
	}
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers_);
	h->curl = NULL;
	h->headers_ = NULL;
	return rc;
}
