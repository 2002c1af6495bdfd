#include "base/workers.h"

#include <stddef.h>
#include <unistd.h>

static void *run(void *arg)
{
	struct crew *c = arg;
	struct err e = { 0 };

	if (c->work_(c, c->job_, &e) == 0)
		return NULL;
	(void)pthread_mutex_lock(&c->lock);
	if (!c->failed)
		*c->e_ = e;
	c->failed = true;
	(void)pthread_cond_broadcast(&c->moved);
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

int crew_run(int most, int (*work)(struct crew *c, void *job, struct err *e), void *job, struct err *e)
{
	struct crew c = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, e, work, job };
	long want = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[CREW_MOST];
	int i, started = 0;

	while (started + 1 < want && started + 1 < most && pthread_create(&threads[started], NULL, run, &c) == 0)
		started++;
	(void)run(&c);
	for (i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return c.failed ? -1 : 0;
}
