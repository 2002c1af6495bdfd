/* The upload of one blob (distribution-spec, "Pushing blobs"). */
#ifndef KS_REGISTRY_BLOB_H
#define KS_REGISTRY_BLOB_H

#include "registry/image.h"
#include "registry/pool.h"
#include "registry/session.h"

enum regblob_at { REGBLOB_ASK, REGBLOB_START, REGBLOB_LOOK, REGBLOB_SEND, REGBLOB_RESUME, REGBLOB_FINISH };
enum regblob_fate { REGBLOB_SENT, REGBLOB_THERE, REGBLOB_MOUNTED, REGBLOB_TO_SEND, REGBLOB_ABSENT };

/* Start with zeros and the first members set; TASK is readied by regblob_init. */
struct regblob {
	struct regpool *p;
	const struct layout *l;
	const char *repo;
	const char *mount; /* another repository, which may have it; or NULL */
	const struct regimage_part *part;
	bool dry; /* only finds out whether it is to be sent */
	/* Results; REGBLOB_ABSENT: the layout does not have it (it may leave blobs to a registry), nor has this one. */
	enum regblob_fate fate;
	struct regtask task;
	enum regblob_at at_; /* what was asked last */
	bool opened_;        /* the session was looked for */
	bool asked_again_;
	bool absent_; /* from the layout */
	int64_t restarts_;
	uint64_t have_; /* bytes that the registry has, as it said */
	int fd_;
	char name_[sizeof "sha256:" + SHA256_HEX];
	struct regsession session_;
};

void regblob_init(struct regblob *b);
void regblob_free(struct regblob *b);

/* Does the answer name another digest than HEX? */
bool regblob_other_digest(const struct reghttp_answer *a, const char *hex);

#endif
