/*
 * A stream that is compressed and digested in one pass: the SHA-256 of what goes in (an OCI layer's diff id)
 * and of what comes out (its digest) are known at its end.
 */
#ifndef KS_OCI_COMPRESS_H
#define KS_OCI_COMPRESS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/sha256.h"

/* The levels are pinned in squeeze.c: the same bytes in give the same bytes out. */
enum squeeze_kind { SQUEEZE_NONE, SQUEEZE_GZIP, SQUEEZE_ZSTD };

struct squeeze_sums {
	char raw_hex[SHA256_HEX]; /* of the bytes before compression */
	char hex[SHA256_HEX];     /* of the bytes after it */
	uint64_t size;            /* bytes after compression */
};

struct squeeze;

/*
 * Starts a stream that ends in TO. WORKERS (at least 1) threads compress with zstd; their number does not change
 * the output. Returns NULL with the reason in E.
 */
struct squeeze *squeeze_new(enum squeeze_kind kind, int workers, FILE *to, struct err *e);

/* Adds N bytes. Returns 0 or -1. */
int squeeze_add(struct squeeze *s, const void *data, size_t n, struct err *e);

/* Ends the stream and says what its sums are; TO is neither flushed nor closed. Returns 0 or -1. */
int squeeze_end(struct squeeze *s, struct squeeze_sums *sums, struct err *e);

/* Frees S, ended or not; NULL is allowed. */
void squeeze_free(struct squeeze *s);

#endif
