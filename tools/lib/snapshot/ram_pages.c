#include "snapshot/ram_pages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_PAGES 64U

int rampages_start(struct rampages *p, int fd, uint64_t size, struct err *e)
{
	*p = (struct rampages){ .fd = fd, .size = size };
	p->out = malloc((size_t)OUT_PAGES * RAM_PAGE);
	p->written = calloc(size / RAM_PAGE / 8 + 1, 1);
	if (p->out == NULL || p->written == NULL)
		return err_no_memory(e);
	return ftruncate(fd, (off_t)size) < 0 ? err_sys(e, "memory") : 0;
}

int rampages_flush(struct rampages *p, struct err *e)
{
	uint64_t done = 0, n = p->out_n * RAM_PAGE;
	ssize_t some;

	while (done < n) {
		some = pwrite(p->fd, p->out + done, n - done, (off_t)(p->out_at + done));
		if (some < 0 && errno != EINTR)
			return err_sys(e, "memory");
		done += some > 0 ? (uint64_t)some : 0;
	}
	p->out_n = 0;
	return 0;
}

unsigned char *rampages_room(struct rampages *p, uint64_t addr, struct err *e)
{
	if (p->out_n == OUT_PAGES || (p->out_n > 0 && addr != p->out_at + p->out_n * RAM_PAGE))
		if (rampages_flush(p, e) < 0)
			return NULL;
	return p->out + p->out_n * RAM_PAGE;
}

static bool is_zero(const unsigned char *page)
{
	return page[0] == 0 && memcmp(page, page + 1, RAM_PAGE - 1) == 0;
}

int rampages_put(struct rampages *p, uint64_t addr, const unsigned char *data, struct err *e)
{
	uint64_t number = addr / RAM_PAGE;
	unsigned char bit = (unsigned char)(1U << (number % 8));
	bool there = (p->written[number / 8] & bit) != 0;
	unsigned char *to;

	/* A hole reads as zeros; only what was written before must be overwritten. */
	if (!there && (data == NULL || is_zero(data)))
		return 0;
	to = rampages_room(p, addr, e);
	if (to == NULL)
		return -1;
	if (data == NULL)
		(void)memset(to, 0, RAM_PAGE);
	if (p->out_n == 0)
		p->out_at = addr;
	p->out_n++;
	p->count += !there;
	p->written[number / 8] |= bit;
	return 0;
}

void rampages_free(struct rampages *p)
{
	free(p->out);
	free(p->written);
	*p = (struct rampages){ .fd = -1 };
}
