/*
 * The transfer queue: requests to one registry, several at the same time, on libcurl's multi interface in one thread.
 * It handles authentication, redirections, pauses and retries; what a request is for is up to its task.
 */
#ifndef KS_REGISTRY_QUEUE_H
#define KS_REGISTRY_QUEUE_H

#include "registry/auth.h"
#include "registry/http.h"

/* A chain of requests, each made from the answer to the previous one. Initialize to zero, then set STEP, ARG and NAME.
 */
struct regtask {
	/*
	 * Looks at ANS, whose status is 0 the first time, and sets REQ to the next request. Returns REGTASK_MORE; 0 at
	 * the end of the chain; or -1, which ends all tasks.
	 */
	int (*step)(struct regtask *t, struct err *e);
	void *arg;
	const char *name; /* in messages */
	struct reghttp_request req;
	struct reghttp_answer ans;
	/*
	 * REPEAT: REQ can be sent again as it is. If not, STEP is called with CUT after the pause, to find out how much
	 * was transferred.
	 */
	bool repeat, cut;
	unsigned tries; /* failed attempts; STEP resets it when there was progress */
	/* The queue's. */
	enum { REGTASK_WAITS, REGTASK_RUNS, REGTASK_ENDED } state_;
	struct reghttp http_;
	char *url_;           /* the target of a redirection, or NULL */
	int64_t due_, since_; /* of now_ms: not to begin before; begun */
	int64_t moved_;       /* of now_ms: the last progress */
	uint64_t steps_;      /* HTTP_.steps then */
	unsigned redirects_, denied_, generation_;
	bool ours_; /* the request goes to the registry itself */
};
#define REGTASK_MORE 1

struct regqueue {
	char *base;              /* "https://HOST" */
	int64_t deadline, stall; /* of now_ms; milliseconds */
	int64_t jobs, retries;
	struct regauth auth;
	struct regtls tls;
	void (*note)(void *arg, const char *text); /* takes a line for -v, or NULL */
	void *note_arg;
	void (*progress)(void *arg, uint64_t sent, uint64_t received); /* called several times a second, or NULL */
	void *progress_arg;
	uint64_t sent, received; /* bytes of bodies, failed attempts included */
	bool answered;           /* the registry has answered before */
	CURLM *multi_;
	struct regtask token_;
	size_t running_;
	int64_t not_before_; /* of now_ms: the registry asked for a pause */
};

enum { REGQUEUE_LATE = -2 }; /* the deadline passed */

/*
 * Sets up Q for the registry HOST, and BASE: an insecure registry is probed for https first, and http is used if that
 * fails. Returns 0 or -1; regqueue_close may be called whatever it returned.
 */
int regqueue_open(struct regqueue *q, const char *host, struct err *e);
void regqueue_close(struct regqueue *q);

/* Runs the tasks V[0..N) to their ends, and begins them in this order. Returns 0, -1 or REGQUEUE_LATE. */
int regqueue_run(struct regqueue *q, struct regtask **v, size_t n, struct err *e);

/* Sets REQ of T to a new request, and REPEAT. FORMAT is the URL below the registry's /v2/. Returns 0 or -1. */
int regqueue_request(struct regqueue *q, struct regtask *t, const char *method, struct err *e, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The URL that the answer is from: the request's, or the target of the last redirection. */
const char *regtask_from(const struct regtask *t);

void regtask_free(struct regtask *t);

#endif
