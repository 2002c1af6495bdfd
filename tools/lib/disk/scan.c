#include "disk/scan.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/sparse.h"
#include "disk/artifact.h"

/* Each has a window in memory; more threads would need more than 64 MiB. */
enum { THREADS = 2 };

/* Takes the next window. Returns false if none is left. */
static bool take(struct workers *w, struct diskscan *s, uint64_t *offset)
{
	bool more;

	(void)pthread_mutex_lock(&w->lock);
	*offset = s->next_;
	more = !w->failed && *offset < s->size;
	if (more)
		s->next_ += DISK_WINDOW;
	(void)pthread_mutex_unlock(&w->lock);
	return more;
}

static int work(struct workers *w, void *arg, struct err *e)
{
	struct diskscan *s = arg;
	AUTO_FREE unsigned char *data = malloc(DISK_WINDOW);
	struct diskscan_window window = { .data = data };
	struct nbd nbd = { .fd_ = -1 };
	void *own = NULL;
	bool zero;
	int rc = data != NULL ? diskread_connect(&s->disk_, &nbd, e) : err_no_memory(e);

	while (rc == 0 && take(w, s, &window.offset)) {
		window.n = disk_window_len(s->size, window.offset);
		rc = nbd_read(&nbd, window.offset, data, window.n, &zero, e);
		if (rc < 0)
			(void)err_prefix(e, "%s", s->path);
		/* Allocated bytes may still be zeros. */
		else if (!zero && !block_is_zero(data, window.n))
			rc = s->found(w, s->arg, &own, &window, e);
	}
	if (own != NULL)
		s->end(own);
	nbd_close(&nbd);
	return rc;
}

int diskscan(struct diskscan *s, struct err *e)
{
	int rc = diskread_open(&s->disk_, s->path, s->format, e);

	s->size = s->disk_.size;
	if (rc == 0)
		rc = workers_run(workers_count(THREADS), work, s, e);
	diskread_close(&s->disk_);
	return rc;
}
