/* A guest's memory on its way to a file: pages in any order, some of them again. Pages of zeros stay holes. */
#ifndef KS_SNAPSHOT_RAM_PAGES_H
#define KS_SNAPSHOT_RAM_PAGES_H

#include <stdint.h>

#include "base/err.h"

#define RAM_PAGE 4096U

struct rampages {
	int fd;         /* an empty file */
	uint64_t size;  /* of the memory, bytes; 0: not started */
	uint64_t count; /* pages that are in the file */
	unsigned char *out;
	uint64_t out_at, out_n;
	unsigned char *written; /* a bit a page */
};

/* Starts a memory of SIZE bytes, a multiple of RAM_PAGE, in FD. Returns 0 or -1; rampages_free in any case. */
int rampages_start(struct rampages *p, int fd, uint64_t size, struct err *e);

/* Where RAM_PAGE bytes are to be put for the page at ADDR (below the size); NULL with the reason in E. */
unsigned char *rampages_room(struct rampages *p, uint64_t addr, struct err *e);

/* Takes what was put there as the page at ADDR; DATA NULL: it is all zeros. Returns 0 or -1. */
int rampages_put(struct rampages *p, uint64_t addr, const unsigned char *data, struct err *e);

/* Writes what is not in the file yet. Returns 0 or -1. */
int rampages_flush(struct rampages *p, struct err *e);

void rampages_free(struct rampages *p);

#endif
