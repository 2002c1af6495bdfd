#include "base/workers.h"

#include <stddef.h>
#include <unistd.h>

static void *run(void *arg)
{
	struct workers *w = arg;
	struct err e = { 0 };
	int rc = w->work_(w, w->job_, &e);

	if (rc == 0)
		return NULL;
	(void)pthread_mutex_lock(&w->lock);
	/* The others may fail because this one did: only the first reason counts. */
	if (!w->failed) {
		*w->e_ = e;
		w->rc_ = rc;
	}
	w->failed = true;
	(void)pthread_cond_broadcast(&w->moved);
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

int workers_count(int most)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online < 1 ? 1 : online < most ? (int)online : most;
}

int workers_run(int count, int (*work)(struct workers *w, void *job, struct err *e), void *job, struct err *e)
{
	struct workers w = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.moved = PTHREAD_COND_INITIALIZER,
		.e_ = e,
		.work_ = work,
		.job_ = job };
	pthread_t threads[WORKERS_MAX];
	int i, started = 0;

	while (
	    started + 1 < count && started < WORKERS_MAX - 1 && pthread_create(&threads[started], NULL, run, &w) == 0)
		started++;
	(void)run(&w);
	for (i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return w.rc_;
}
