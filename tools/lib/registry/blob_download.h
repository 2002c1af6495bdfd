/* The download of one blob: what has been received is kept when a connection breaks, and only the rest is requested. */
#ifndef KS_REGISTRY_BLOB_DOWNLOAD_H
#define KS_REGISTRY_BLOB_DOWNLOAD_H

#include "oci/layout_part.h"
#include "registry/queue.h"

/* Where a blob's bytes go. ARG is the download's. */
struct blob_download_sink {
	/* Begins; *HAVE becomes the number of bytes that are there from before. Returns 0 or -1. */
	int (*begin)(void *arg, uint64_t *have, struct err *e);
	/* Discards all bytes. Returns 0 or -1. */
	int (*restart)(void *arg, struct err *e);
	/* Takes the next N bytes. Returns 0, -1, or BLOB_DOWNLOAD_WRONG: they cannot be the blob's. */
	int (*add)(void *arg, const char *data, size_t n, struct err *e);
	/* All bytes were added. Returns 0, -1, or BLOB_DOWNLOAD_WRONG: the digest is another one. */
	int (*end)(void *arg, struct err *e);
};
#define BLOB_DOWNLOAD_WRONG (-3)

/* Initialize to zero and set the first members; blob_download_init sets TASK. */
struct blob_download {
	struct regqueue *q;
	const char *repo;
	const char *hex; /* the blob's digest */
	uint64_t size;   /* bytes */
	const struct blob_download_sink *sink;
	void *arg;
	struct regtask task;
	uint64_t have_;  /* bytes that the sink has */
	uint64_t asked_; /* the request is for the bytes from here on */
	bool begun_;     /* the first bytes of the answer have arrived */
	bool bad_;       /* the answer cannot be used: WHY_ is the reason */
	bool old_;       /* some bytes are from an earlier answer or an earlier process */
	unsigned restarts_;
	struct err why_;
	char name_[sizeof "sha256:" + SHA256_HEX];
};

void blob_download_init(struct blob_download *d);
void blob_download_free(struct blob_download *d);

/* A blob that is downloaded into a layout. Initialize to zero and set DOWNLOAD's q, repo, hex and size, and L. */
struct blob_download_layout {
	struct blob_download download;
	struct layout *l;
	struct layout_part part_;
};

void blob_download_layout_init(struct blob_download_layout *b);
void blob_download_layout_free(struct blob_download_layout *b);

#endif
