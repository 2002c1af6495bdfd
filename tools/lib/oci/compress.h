/*
 * A stream that is compressed and hashed in one pass: at its end the SHA-256 of the input (a layer's diff ID) and of
 * the output (its digest) are known.
 */
#ifndef KS_OCI_COMPRESS_H
#define KS_OCI_COMPRESS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/sha256.h"

/* The levels are fixed in compress.c: the same input gives the same output. */
enum compress_kind { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD };

struct compress_sums {
	char raw_hex[SHA256_HEX]; /* digest of the bytes before compression */
	char hex[SHA256_HEX];     /* digest of the bytes after it */
	uint64_t size;            /* bytes after compression */
};

struct compress;

/*
 * Starts a stream that is written to TO. zstd compresses in THREADS threads (at least 1); their number does not change
 * the output. Returns NULL with the reason in E.
 */
struct compress *compress_new(enum compress_kind kind, int threads, FILE *to, struct err *e);

/* Adds N bytes. Returns 0 or -1. */
int compress_add(struct compress *c, const void *data, size_t n, struct err *e);

/* Ends the stream and fills SUMS; TO is neither flushed nor closed. Returns 0 or -1. */
int compress_end(struct compress *c, struct compress_sums *sums, struct err *e);

/* Frees C, ended or not; C may be NULL. */
void compress_free(struct compress *c);

#endif
