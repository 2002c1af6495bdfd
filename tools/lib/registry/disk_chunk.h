/* The download of one chunk of a disk: unpacked, checked and written to its place while it comes. */
#ifndef KS_REGISTRY_DISK_CHUNK_H
#define KS_REGISTRY_DISK_CHUNK_H

#include "disk/artifact.h"
#include "disk/file.h"
#include "registry/pool.h"

/* Start with zeros and the first members set; TASK is readied by regchunk_init. */
struct regchunk {
	struct regpool *p;
	const char *repo;
	const struct disk_window *chunk;
	const struct diskfile *to;
	struct regtask task;
	struct regchunk_stream *s_; /* while something comes; it survives a cut line */
	uint64_t asked_;            /* the request is for what begins here */
	bool begun_;                /* its first bytes have come */
	bool bad_;                  /* they are others, or cannot be used: ERR_ says why */
	bool old_;                  /* some of the chunk is from another answer */
	unsigned restarts_;
	struct err err_;
	char name_[sizeof "sha256:" + SHA256_HEX];
};

void regchunk_init(struct regchunk *r);
void regchunk_free(struct regchunk *r);

#endif
