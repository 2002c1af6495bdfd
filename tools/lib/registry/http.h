/* One HTTP request to a registry and its answer, on libcurl; who runs the transfers is the caller's affair. */
#ifndef KS_REGISTRY_HTTP_H
#define KS_REGISTRY_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/tls.h"
#include "base/words.h"

struct reghttp_answer {
	long status;    /* 0: the line was cut before there was one */
	bool whole;     /* it came to its end */
	bool transient; /* trying again may help */
	bool unlikely;  /* trying again may help, but only where it worked before */
	char *location, *range, *digest, *media, *subject;
	struct words challenges;
	uint64_t first;  /* where the range begins that was sent; UINT64_MAX: not said */
	int retry_after; /* seconds, or 0 */
	char *text;      /* the body, unless it went to a sink; ends with a NUL that does not count */
	size_t n;
};

struct reghttp_request {
	const char *method;
	char *url;
	const char *accept, *type; /* headers; NULL: none */
	char range[64];            /* "Range: bytes=5-" or "Content-Range: 5-9"; empty: none */
	char *authorization;       /* its header's value; NULL: none */
	/* The body: N bytes of the file FD from FROM on; or, where there is no FD (-1), of TEXT. */
	int fd;
	uint64_t from, n;
	char *text;
	/* Where the body of a 200 or 206 goes; NULL: to the answer's text. Returns 0 or -1, which ends it for good. */
	int (*sink)(void *arg, const struct reghttp_answer *a, const char *data, size_t n, struct err *e);
	void *arg;
};

/* A transfer. Start with zeros. */
struct reghttp {
	struct reghttp_request *r;
	struct reghttp_answer *a;
	CURL *curl;
	uint64_t sent, received; /* bytes of bodies */
	uint64_t steps;          /* grows whenever anything moves */
	struct curl_slist *headers_;
	bool failed_; /* the sink or the body's file failed: see err */
	struct err err;
	char text_[CURL_ERROR_SIZE];
};

/* Who is at a URL: who may see the request's authorization, and who may see our certificate. */
struct reghttp_trust {
	bool login, certificate;
};

/* Sets up a libcurl handle in H for R, at URL; the answer goes to A. Returns 0 or -1. */
int reghttp_begin(struct reghttp *h, struct reghttp_request *r, struct reghttp_answer *a, const struct regtls *tls,
    const char *url, struct reghttp_trust trust, struct err *e);

/*
 * The transfer ended with CODE: completes the answer and frees the handle. Returns 0 when there is an answer, -1 with
 * H's err when there is none (A's transient says if another attempt may help), or REGHTTP_FATAL: the sink failed.
 */
#define REGHTTP_FATAL (-2)
int reghttp_end(struct reghttp *h, CURLcode code);

/* Sets E to what the registry says is wrong: "status 404 (NAME_UNKNOWN)". Returns -1 always. */
int reghttp_refused(const struct reghttp_answer *a, struct err *e);

/* Empty them; they can be used anew. A request's authorization is forgotten, its file stays open. */
void reghttp_request_free(struct reghttp_request *r);
void reghttp_answer_free(struct reghttp_answer *a);

#endif
