/* A pool of threads that share one job; the first failure ends the work of all. */
#ifndef KS_BASE_WORKERS_H
#define KS_BASE_WORKERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

enum { WORKERS_MAX = 16 };

struct workers {
	pthread_mutex_t lock; /* protects what the job's threads share */
	pthread_cond_t moved; /* signalled when a thread fails; the job may use it for changes of its own */
	atomic_bool failed;   /* a thread has failed, so the others should return soon; set under the lock */
	struct err *e_;
	int rc_;
	int (*work_)(struct workers *w, void *job, struct err *e);
	void *job_;
};

/* The number of processors that are online, but at least 1 and at most MOST. */
int workers_count(int most);

/*
 * Runs WORK(workers, JOB, E) in COUNT threads (1 to WORKERS_MAX), of which the calling thread is one. If a thread
 * cannot be started, fewer do the work. WORK returns 0 when nothing is left to do, or a negative number with the reason
 * in its E. Returns 0, or what the first thread that failed returned, with its reason in E.
 */
int workers_run(int count, int (*work)(struct workers *w, void *job, struct err *e), void *job, struct err *e);

#endif
