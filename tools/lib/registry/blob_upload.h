/* The upload of one blob (distribution-spec, "Pushing blobs"). */
#ifndef KS_REGISTRY_BLOB_UPLOAD_H
#define KS_REGISTRY_BLOB_UPLOAD_H

#include "registry/image.h"
#include "registry/queue.h"
#include "registry/upload_session.h"

enum blob_upload_at {
	BLOB_UPLOAD_ASK,
	BLOB_UPLOAD_START,
	BLOB_UPLOAD_LOOK,
	BLOB_UPLOAD_SEND,
	BLOB_UPLOAD_CONTINUE,
	BLOB_UPLOAD_FINISH
};
enum blob_upload_fate {
	BLOB_UPLOAD_SENT,
	BLOB_UPLOAD_THERE,
	BLOB_UPLOAD_MOUNTED,
	BLOB_UPLOAD_TO_SEND,
	BLOB_UPLOAD_ABSENT
};

/* Initialize to zero and set the first members; blob_upload_init sets TASK. */
struct blob_upload {
	struct regqueue *q;
	const struct layout *l;
	const char *repo;
	const char *mount; /* another repository, from which it can be mounted; or NULL */
	const struct regimage_part *part;
	bool dry; /* only determine FATE */
	/* BLOB_UPLOAD_ABSENT: neither the layout (which may lack blobs that a registry has) nor this registry has the
	 * blob. */
	enum blob_upload_fate fate;
	struct regtask task;
	enum blob_upload_at at_; /* the last request */
	bool opened_;            /* the session was looked up */
	bool asked_again_;
	bool absent_; /* the layout does not have it */
	int64_t restarts_;
	uint64_t have_; /* bytes that the registry has received */
	int fd_;
	char name_[sizeof "sha256:" + SHA256_HEX];
	struct upload_session session_;
};

void blob_upload_init(struct blob_upload *b);
void blob_upload_free(struct blob_upload *b);

#endif
