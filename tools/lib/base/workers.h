/* A few threads that do one job together, and stop at the first failure of any. */
#ifndef KS_BASE_WORKERS_H
#define KS_BASE_WORKERS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

/* Every one has buffers of its own: their number bounds the memory. */
enum { CREW_MOST = 4 };

struct crew {
	pthread_mutex_t lock; /* of FAILED, and of what the job shares */
	pthread_cond_t moved; /* what the job shares has changed, or FAILED has */
	bool failed;          /* the others' work is of no use any more: return */
	struct err *e_;
	int (*work_)(struct crew *c, void *job, struct err *e);
	void *job_;
};

/*
 * Runs WORK(crew, JOB, E) in as many threads as there are processors on line, at most MOST (1 to CREW_MOST); this
 * thread is one of them, and fewer than wanted will do. WORK returns 0 when nothing is left to do, or -1 with the
 * reason in its E. Returns 0, or -1 with the first failure's reason in E.
 */
int crew_run(int most, int (*work)(struct crew *c, void *job, struct err *e), void *job, struct err *e);

#endif
