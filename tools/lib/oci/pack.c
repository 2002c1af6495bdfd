#include "oci/pack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct crew {
	struct layout *l;
	struct pack *v;
	size_t n;
	int workers; /* threads that compress one layer */
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t mutex; /* of what follows: the first failure */
	struct err *e;
	int rc;
};

static int pack_one(struct crew *c, struct pack *p, struct err *e)
{
	struct squeeze *s;
	struct out o;
	int rc;

	if (layout_blob_begin(c->l, &o, e) < 0)
		return -1;
	s = squeeze_new(p->spec.kind, c->workers, o.f, e);
	rc = s != NULL ? layer_pack(&p->spec, s, &p->skipped, e) : -1;
	if (rc == 0)
		rc = squeeze_end(s, &p->sums, e);
	squeeze_free(s);
	if (rc == 0)
		return layout_blob_end(c->l, &o, p->sums.hex, e);
	layout_blob_abort(&o);
	return rc;
}

static void *work(void *arg)
{
	struct crew *c = arg;
	struct err e = { 0 };
	size_t i;
	int rc;

	while (!atomic_load(&c->stop) && (i = atomic_fetch_add(&c->next, 1)) < c->n) {
		rc = pack_one(c, &c->v[i], &e);
		if (rc == 0)
			continue;
		(void)pthread_mutex_lock(&c->mutex);
		if (c->rc == 0) {
			c->rc = rc;
			*c->e = e;
		}
		(void)pthread_mutex_unlock(&c->mutex);
		atomic_store(&c->stop, true);
	}
	return NULL;
}

int pack_layers(struct layout *l, struct pack *v, size_t n, int jobs, struct err *e)
{
	struct crew c = { .l = l, .v = v, .n = n, .mutex = PTHREAD_MUTEX_INITIALIZER, .e = e };
	pthread_t threads[LAYOUT_MAX_OPEN];
	size_t i, started, want, zstd = 0;

	if (n == 0)
		return 0;
	if (jobs > LAYOUT_MAX_OPEN)
		jobs = LAYOUT_MAX_OPEN;
	want = (size_t)jobs < n ? (size_t)jobs : n;
	for (i = 0; i < n; i++) {
		v[i].spec.stop = &c.stop;
		zstd += v[i].spec.kind == SQUEEZE_ZSTD;
	}
	/* Only zstd can use more than one thread for a layer. */
	c.workers = zstd > 0 && (size_t)jobs > zstd ? jobs / (int)zstd : 1;
	/* This thread is one of them; fewer than wanted will do. */
	for (started = 0; started + 1 < want; started++)
		if (pthread_create(&threads[started], NULL, work, &c) != 0)
			break;
	(void)work(&c);
	for (i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return c.rc;
}
