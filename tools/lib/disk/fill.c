#include "disk/fill.h"

#include <string.h>

#include "disk/scan.h"

struct filling {
	struct diskfill *f;
	bool self;
};

/* Marks the window as present. Returns true if it was not: the caller must write it. */
static bool claim(struct workers *w, struct diskfill *f, const struct disk_window *window)
{
	bool *have = &f->have[window - f->disk->v], was;

	(void)pthread_mutex_lock(&w->lock);
	was = *have;
	*have = true;
	(void)pthread_mutex_unlock(&w->lock);
	return !was;
}

/* Writes a window of the source to every place in the disk that has the same contents. */
static int use(struct workers *w, void *arg, void **own, const struct diskscan_window *window, struct err *e)
{
	struct filling *job = arg;
	const struct disk_index *x = job->f->index;
	const struct disk_window *const *found;
	char raw[SHA256_HEX];

	(void)own;
	if (sha256_hex(window->data, window->n, raw) < 0)
		return err_set(e, "cannot compute the digest");
	found = disk_find(x, raw);
	for (; found != NULL && found < x->v + x->n && strcmp((*found)->raw, raw) == 0; found++) {
		/* A window elsewhere in the unfinished disk may be overwritten before it is read. */
		if ((*found)->len != window->n || (job->self && (*found)->offset != window->offset))
			continue;
		if (claim(w, job->f, *found) && !job->self && job->f->to != NULL &&
		    diskfile_put(job->f->to, (*found)->offset, window->data, window->n, e) < 0)
			return -1;
	}
	return 0;
}

int diskfill(struct diskfill *f, const char *path, const char *format, bool self, struct err *e)
{
	struct filling job = { .f = f, .self = self };
	struct diskscan scan = { .path = path, .format = format, .found = use, .arg = &job };

	return diskscan(&scan, e);
}

int diskfill_clear(const struct diskfill *f, struct err *e)
{
	uint64_t at = 0;
	size_t i;

	for (i = 0; i < f->disk->n; i++) {
		const struct disk_window *c = &f->disk->v[i];

		if (!f->have[i])
			continue;
		if (c->offset > at && diskfile_clear(f->to, at, c->offset - at, e) < 0)
			return -1;
		at = c->offset + c->len;
	}
	return at < f->disk->size ? diskfile_clear(f->to, at, f->disk->size - at, e) : 0;
}
