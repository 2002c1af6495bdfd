/* The pool of threads. */
#include "base/workers.h"

#include "tap.h"

enum { THREADS = 8 };

struct job {
	int arrived, seen; /* protected by the workers' lock */
};

/* Returns when all threads have arrived: it takes that many threads to end the job. */
static int meet(struct workers *w, void *arg, struct err *e)
{
	struct job *job = arg;

	(void)e;
	(void)pthread_mutex_lock(&w->lock);
	job->arrived++;
	(void)pthread_cond_broadcast(&w->moved);
	while (job->arrived < THREADS)
		(void)pthread_cond_wait(&w->moved, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
	return 0;
}

/* The first thread fails; the others wait for that, and fail too. */
static int fail(struct workers *w, void *arg, struct err *e)
{
	struct job *job = arg;
	int number;

	(void)pthread_mutex_lock(&w->lock);
	number = job->arrived++;
	while (number > 0 && !w->failed)
		(void)pthread_cond_wait(&w->moved, &w->lock);
	job->seen += number > 0;
	(void)pthread_mutex_unlock(&w->lock);
	(void)err_set(e, "thread %d", number);
	return -3 - number;
}

int main(void)
{
	struct job job = { 0 };
	struct err e = { .msg = "" };

	ok(workers_count(1) == 1 && workers_count(WORKERS_MAX) >= 1 && workers_count(WORKERS_MAX) <= WORKERS_MAX,
	    "the count is within its limits");
	ok(workers_run(THREADS, meet, &job, &e) == 0 && job.arrived == THREADS, "all threads run at the same time");
	same(e.msg, "", "without an error");
	job = (struct job){ 0 };
	ok(workers_run(THREADS, fail, &job, &e) == -3, "the result is that of the first thread that failed");
	same(e.msg, "thread 0", "and so is the reason");
	ok(job.seen == THREADS - 1, "the other threads learn of the failure");
	job = (struct job){ 0 };
	ok(workers_run(1, fail, &job, &e) == -3 && job.arrived == 1, "one thread is the caller's own");
	return tap_end();
}
