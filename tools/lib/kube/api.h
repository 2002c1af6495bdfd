/*
 * Lists and watches collections of a Kubernetes API server with libcurl until it is stopped ("Efficient detection of
 * changes" in Kubernetes' API concepts). It lists a collection and then watches it from the list's version. A watch
 * that ends is started again; after "version gone" (410) the collection is listed again. After any other failure it
 * retries with a pause of 0.2 s that doubles up to 5 s; a watch that has lasted a second resets the pause. The caller
 * must have initialized libcurl's global state and ignore SIGPIPE.
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
	const char *ca;  /* PEM file of the server's certificate authority; NULL: the system's */
	/* File with the bearer token, read for each request; NULL: none. It is only sent over https. */
	const char *token;
	int watch; /* seconds that the server is asked to keep a watch open; after a tenth more it is considered dead */
};

/* One collection. The caller sets the first six members and initializes the rest to zero. */
struct kubeapi_feed {
	const struct kubeapi_server *server;
	const char *path; /* "/api/v1/services" */
	void *arg;
	/*
	 * Called with a whole list of N bytes, and with one line of a watch. They set VERSION (letters and digits) and
	 * return at least 0, EVENT also KUBEAPI_GONE; or -1 and E if the contents are invalid: then it is listed again.
	 */
	int (*list)(void *arg, const char *text, size_t n, char version[KUBEAPI_VERSION], struct err *e);
	int (*event)(void *arg, const char *line, size_t n, char version[KUBEAPI_VERSION], struct err *e);
	/*
	 * Called after a failure that will be retried; the text does not name the path. The same text is repeated only
	 * if a watch has lasted a second in between.
	 */
	void (*trouble)(void *arg, const struct err *e);
	bool listed; /* LIST has accepted a list */
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
 * Starts the requests that are due, waits until something happens, FD (-1: none) is readable, or TIMEOUT
 * milliseconds have passed, and calls the feeds' functions. Returns 0, or -1 if libcurl itself fails.
 */
int kubeapi_step(CURLM *multi, struct kubeapi_feed *feeds, size_t count, int fd, int timeout, struct err *e);

/* Ends the feeds' requests and frees what they hold. */
void kubeapi_free(CURLM *multi, struct kubeapi_feed *feeds, size_t count);

#endif
