/* The upload of one blob (distribution-spec, "Pushing blobs"). */
#ifndef KS_REGISTRY_BLOB_UPLOAD_H
#define KS_REGISTRY_BLOB_UPLOAD_H

#include "registry/image.h"
#include "registry/queue.h"
#include "registry/upload_session.h"

enum regupload_at {
	REGUPLOAD_ASK,
	REGUPLOAD_START,
	REGUPLOAD_LOOK,
	REGUPLOAD_SEND,
	REGUPLOAD_CONTINUE,
	REGUPLOAD_FINISH
};
enum regupload_fate { REGUPLOAD_SENT, REGUPLOAD_THERE, REGUPLOAD_MOUNTED, REGUPLOAD_TO_SEND, REGUPLOAD_ABSENT };

/* Initialize to zero and set the first members; regupload_init sets TASK. */
struct regupload {
	struct regqueue *q;
	const struct layout *l;
	const char *repo;
	const char *mount; /* another repository, from which it can be mounted; or NULL */
	const struct regimage_part *part;
	bool dry; /* only determine FATE */
	/* REGUPLOAD_ABSENT: neither the layout (which may lack blobs that a registry has) nor this registry has the
	 * blob. */
	enum regupload_fate fate;
	struct regtask task;
	enum regupload_at at_; /* the last request */
	bool opened_;          /* the session was looked up */
	bool asked_again_;
	bool absent_; /* the layout does not have it */
	int64_t restarts_;
	uint64_t have_; /* bytes that the registry has received */
	int fd_;
	char name_[sizeof "sha256:" + SHA256_HEX];
	struct regsession session_;
};

void regupload_init(struct regupload *b);
void regupload_free(struct regupload *b);

#endif
