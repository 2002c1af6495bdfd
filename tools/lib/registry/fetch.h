/* The download of one blob into a layout: what is there of it is not asked for again. */
#ifndef KS_REGISTRY_FETCH_H
#define KS_REGISTRY_FETCH_H

#include "oci/layout_part.h"
#include "registry/image.h"
#include "registry/pool.h"

/* Start with zeros and the first members set; TASK is readied by regfetch_init. */
struct regfetch {
	struct regpool *p;
	struct layout *l;
	const char *repo;
	const struct regimage_part *part;
	struct regtask task;
	struct layout_part file_;
	uint64_t asked_; /* the request is for what begins here */
	bool begun_;     /* its first bytes have come */
	bool bad_;       /* they are others */
	bool old_;       /* some of the file is from before this process, or from another answer */
	unsigned restarts_;
	char name_[sizeof "sha256:" + SHA256_HEX];
};

void regfetch_init(struct regfetch *f);
void regfetch_free(struct regfetch *f);

#endif
