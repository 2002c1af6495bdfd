#include "oci/pack.h"

#include "base/workers.h"

struct packing {
	struct layout *l;
	struct pack *v;
	size_t n, next;  /* next: the layer to take; protected by the workers' lock */
	int compressors; /* threads that compress one layer */
};

static int pack_one(struct workers *w, const struct packing *job, struct pack *p, struct err *e)
{
	struct compress *c;
	struct out o;
	int rc;

	if (layout_blob_begin(job->l, &o, e) < 0)
		return -1;
	c = compress_new(p->spec.kind, job->compressors, o.f, e);
	rc = c != NULL ? layer_pack(&p->spec, &w->failed, c, &p->skipped, e) : -1;
	if (rc == 0)
		rc = compress_end(c, &p->sums, e);
	compress_free(c);
	if (rc == 0)
		return layout_blob_end(job->l, &o, p->sums.hex, e);
	layout_blob_abort(&o);
	return rc;
}

/* Takes the next layer. Returns NULL if none is left, or if another thread has failed. */
static struct pack *take(struct workers *w, struct packing *job)
{
	struct pack *p = NULL;

	(void)pthread_mutex_lock(&w->lock);
	if (!w->failed && job->next < job->n)
		p = &job->v[job->next++];
	(void)pthread_mutex_unlock(&w->lock);
	return p;
}

static int work(struct workers *w, void *arg, struct err *e)
{
	struct packing *job = arg;
	struct pack *p;
	int rc = 0;

	while (rc == 0 && (p = take(w, job)) != NULL)
		rc = pack_one(w, job, p, e);
	return rc;
}

int pack_layers(struct layout *l, struct pack *v, size_t n, int jobs, struct err *e)
{
	struct packing job = { .l = l, .v = v, .n = n };
	int zstd = 0;
	size_t i;

	_Static_assert(LAYOUT_MAX_OPEN <= WORKERS_MAX, "each thread has one blob open");
	if (n == 0)
		return 0;
	if (jobs > LAYOUT_MAX_OPEN)
		jobs = LAYOUT_MAX_OPEN;
	for (i = 0; i < n; i++)
		zstd += v[i].spec.kind == COMPRESS_ZSTD;
	/* Only zstd can use more than one thread for a layer. */
	job.compressors = zstd > 0 && jobs > zstd ? jobs / zstd : 1;
	return workers_run((size_t)jobs < n ? jobs : (int)n, work, &job, e);
}
