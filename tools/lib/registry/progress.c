#include "registry/progress.h"

#include <stdio.h>

#include "base/num.h"

enum { MIB = 1 << 20, BAR_MS = 200 };

void regprogress_show(struct regprogress *b, const char *name, uint64_t done, uint64_t total)
{
	int64_t now = now_ms(), ms = now - b->begun;
	double mib;

	if (now - b->shown < BAR_MS)
		return;
	b->shown = now;
	/* Bytes that were sent twice are counted twice. */
	if (done > total)
		done = total;
	mib = (double)done / MIB;
	(void)fprintf(stderr, "\r%s: %.1f of %.1f MiB (%d%%), %.1f MiB/s\033[K", name, mib, (double)total / MIB,
	    total > 0 ? (int)((double)done * 100 / (double)total) : 100, ms > 0 ? mib * 1000 / (double)ms : 0.0);
}

void regprogress_clear(struct regprogress *b)
{
	if (b->shown != 0)
		(void)fputs("\r\033[K", stderr);
	b->shown = 0;
}
