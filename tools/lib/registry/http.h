/* One HTTP request to a registry and its answer, on libcurl. The caller runs the transfer (registry/queue.h). */
#ifndef KS_REGISTRY_HTTP_H
#define KS_REGISTRY_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/words.h"
#include "registry/tls.h"

struct reghttp_answer {
	long status;    /* 0: the connection broke before it arrived */
	bool transient; /* another attempt may help */
	bool unlikely;  /* another attempt may help, but only if the host has answered before */
	char *location, *range, *digest, *media, *subject;
	struct words challenges;
	uint64_t first;  /* the first byte of Content-Range; UINT64_MAX: no such header */
	int retry_after; /* seconds, or 0 */
	char *text;      /* the body, N bytes and a NUL, unless it went to a sink; NULL: empty */
	size_t n;
};

struct reghttp_request {
	const char *method;
	char *url;
	const char *accept, *type; /* headers; NULL: none */
	char range[64];            /* a header, "Range: bytes=5-" or "Content-Range: 5-9"; empty: none */
	char *authorization;       /* header; NULL: none */
	/* The body: N bytes of the file FD from FROM on, or of TEXT if FD is -1. */
	int fd;
	uint64_t from, n;
	char *text;
	/* Takes the body of a 200 or 206; NULL: it becomes the answer's text. Returns 0, or -1, which ends the
	 * transfer. */
	int (*sink)(void *arg, const struct reghttp_answer *a, const char *data, size_t n, struct err *e);
	void *arg;
};

/* A transfer. Initialize to zero. */
struct reghttp {
	struct reghttp_request *r;
	struct reghttp_answer *a;
	CURL *curl;
	uint64_t sent, received; /* bytes of bodies */
	uint64_t steps;          /* grows with every header and piece of a body, in either direction */
	struct curl_slist *headers_;
	bool failed_; /* the sink or the body's file failed: see err */
	struct err err;
	char text_[CURL_ERROR_SIZE];
};

/* What the host of a URL may see: the Authorization header, and the client certificate. */
struct reghttp_trust {
	bool login, certificate;
};

/* Sets up H's libcurl handle for the request R to URL; the answer goes to A. Returns 0 or -1. */
int reghttp_begin(struct reghttp *h, struct reghttp_request *r, struct reghttp_answer *a, const struct regtls *tls,
    const char *url, struct reghttp_trust trust, struct err *e);

/*
 * The transfer ended with CODE: completes the answer and frees the handle. Returns 0 if there is an answer; -1 with H's
 * err if there is none (A's transient says whether another attempt may help); or REGHTTP_FATAL: the sink or the body's
 * file failed.
 */
#define REGHTTP_FATAL (-2)
int reghttp_end(struct reghttp *h, CURLcode code);

/* Sets E to the status and the error code of an answer: "status 404 (NAME_UNKNOWN)". Returns -1. */
int reghttp_refused(const struct reghttp_answer *a, struct err *e);

/* Does Docker-Content-Digest name another digest than HEX? */
bool reghttp_other_digest(const struct reghttp_answer *a, const char *hex);

/* Empty them for reuse. Secrets are overwritten; a request's file stays open. */
void reghttp_request_free(struct reghttp_request *r);
void reghttp_answer_free(struct reghttp_answer *a);

#endif
