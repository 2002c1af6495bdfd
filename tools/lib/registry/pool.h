/*
 * Many requests to one registry, some of them at the same time: on libcurl's multi interface, in one thread. What a
 * request is for is its task's affair; logins, redirections, pauses and further attempts are dealt with here.
 */
#ifndef KS_REGISTRY_POOL_H
#define KS_REGISTRY_POOL_H

#include "registry/auth.h"
#include "registry/http.h"

/* A chain of requests, each made from the answer to the one before. Start with zeros, STEP, ARG and NAME. */
struct regtask {
	/*
	 * Looks at ANS and makes REQ the next request; the first time ANS.status is 0. Returns REGTASK_MORE; 0 when
	 * the chain is at its end; or -1, which ends all of them.
	 */
	int (*step)(struct regtask *t, struct err *e);
	void *arg;
	const char *name; /* in messages */
	struct reghttp_request req;
	struct reghttp_answer ans;
	/*
	 * REQ can be sent again as it is. When not, STEP is called once the pause is over, with CUT: it finds out how
	 * far it came.
	 */
	bool repeat, cut;
	unsigned tries; /* attempts that failed: STEP sets it to 0 when there was some progress */
	/* The pool's. */
	enum { REGTASK_WAITS, REGTASK_RUNS, REGTASK_ENDED } state_;
	struct reghttp http_;
	char *url_;           /* where a redirection leads, or NULL */
	int64_t due_, since_; /* of now_ms: not before; begun */
	int64_t moved_;       /* when something moved last */
	uint64_t steps_;      /* what was the count then */
	unsigned redirects_, denied_, generation_;
	bool ours_; /* the request goes to the registry itself */
};
#define REGTASK_MORE 1

struct regpool {
	char *base;              /* "https://HOST" */
	int64_t deadline, stall; /* of now_ms; milliseconds */
	int64_t jobs, retries;
	struct regauth auth;
	struct regtls tls;
	void (*note)(void *arg, const char *text);                     /* what -v says, or NULL */
	void (*progress)(void *arg, uint64_t sent, uint64_t received); /* now and then, or NULL */
	void *arg;
	uint64_t sent, received; /* bytes of bodies, those sent in vain too */
	bool answered;           /* the registry has answered before */
	CURLM *multi_;
	struct regtask token_;
	size_t running_;
	int64_t not_before_; /* of now_ms: the registry asked for a pause */
};

enum { REGPOOL_LATE = -2 };

/*
 * Readies P for the registry HOST; BASE is found out: an insecure one is tried for whether it speaks http only.
 * Returns 0 or -1; regpool_close may be called whatever it returned.
 */
int regpool_open(struct regpool *p, const char *host, struct err *e);
void regpool_close(struct regpool *p);

/* Runs the tasks V[0..N) to their ends; those in front begin first. Returns 0, -1 or REGPOOL_LATE. */
int regpool_run(struct regpool *p, struct regtask **v, size_t n, struct err *e);

/* Makes REQ of T anew, and REPEAT true. FORMAT says its URL below the registry's /v2/. Returns 0 or -1. */
int regpool_request(struct regpool *p, struct regtask *t, const char *method, struct err *e, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The URL that the answer is from: not the request's where that was redirected. */
const char *regtask_from(const struct regtask *t);

void regtask_free(struct regtask *t);

#endif
