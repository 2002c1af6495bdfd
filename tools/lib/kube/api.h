/*
 * Lists and watches collections of a Kubernetes API server, for ever, over libcurl ("Efficient detection of
 * changes" in Kubernetes' API concepts). It lists, then watches from the list's version on; a watch that ends is
 * begun again, a version that is gone (410) is listed anew, and all else that goes wrong is tried again after a
 * pause of 0.2 s that doubles up to 5 s, until a watch has lasted a second. libcurl's global state must be set up,
 * and SIGPIPE ignored.
 */
#ifndef KS_KUBE_API_H
#define KS_KUBE_API_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KUBEAPI_VERSION 65 /* a resourceVersion and its NUL */
#define KUBEAPI_GONE 2     /* returned by EVENT: list again */

struct kubeapi_server {
	const char *url; /* http:// or https://, no slash at its end */
	const char *ca;  /* PEM file of the server's certificate authority; NULL: the machine's own */
	const char
	    *token; /* file of the bearer token, read for each request; NULL: none. It is sent over https only. */
	int watch;  /* seconds that a watch is asked to last; a tenth more and it is taken for dead */
};

/* One collection. Set the first six; the rest is kubeapi's, of zeros. */
struct kubeapi_feed {
	const struct kubeapi_server *server;
	const char *path; /* "/api/v1/services" */
	void *arg;
	/*
	 * A whole list of N bytes, and one line of a watch. They set VERSION (letters and digits) and return at least
	 * 0, EVENT also KUBEAPI_GONE; -1 and E when the contents are wrong: it is then listed again.
	 */
	int (*list)(void *arg, const char *text, size_t n, char version[KUBEAPI_VERSION], struct err *e);
	int (*event)(void *arg, const char *line, size_t n, char version[KUBEAPI_VERSION], struct err *e);
	/*
	 * Something went wrong and will be tried again; the text does not name the path. The same text comes again only
	 * when a watch has lasted a second in between.
	 */
	void (*trouble)(void *arg, const struct err *e);
	bool listed; /* a list has been taken */
	char version_[KUBEAPI_VERSION];
	char *buf_;
	size_t n_, room_;
	CURL *curl_; /* while a request runs */
	struct curl_slist *headers_;
	bool watching_;
	int64_t since_, due_;
	int pause_;
	struct err err_, told_;
	char text_[CURL_ERROR_SIZE];
};

/*
 * Begins the requests that are due, waits until something happens, FD (-1: none) becomes readable, or TIMEOUT
 * milliseconds have passed, and calls the feeds' functions. Returns 0, or -1 when libcurl itself fails.
 */
int kubeapi_step(CURLM *multi, struct kubeapi_feed *feeds, size_t count, int fd, int timeout, struct err *e);

/* Ends the feeds' requests and frees what they hold. */
void kubeapi_free(CURLM *multi, struct kubeapi_feed *feeds, size_t count);

#endif
