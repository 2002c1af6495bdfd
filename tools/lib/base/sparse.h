/*
 * Large sparse files (a guest's memory) in chunks of 4 MiB: what is a hole is not read, and what is zero is not
 * written. The functions read by pread(2) and write by pwrite(2), in several threads.
 */
#ifndef KS_BASE_SPARSE_H
#define KS_BASE_SPARSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"

#define CHUNK_SIZE ((size_t)4 << 20)

/* How many chunks SIZE bytes are; the last may be short. */
uint64_t chunk_count(uint64_t size);

/* How long chunk INDEX of a file of SIZE bytes is. */
size_t chunk_len(uint64_t size, uint64_t index);

/* Are all N bytes zero? */
bool chunk_is_zero(const unsigned char *data, size_t n);

/* The first chunk from FROM on that is not all a hole of FD, or COUNT when there is none before it. */
uint64_t chunk_with_data(int fd, uint64_t from, uint64_t count);

/* Reads the N bytes of chunk INDEX. Returns 0, or -1: also when the file is shorter than that. */
int chunk_read(int fd, uint64_t index, void *data, size_t n, struct err *e);

/* Writes chunk INDEX to FD, which has a hole there; long runs of zeros stay one. Returns 0 or -1. */
int chunk_write(int fd, uint64_t index, const unsigned char *data, size_t n, struct err *e);

/*
 * The digest of a file: SHA-256 over, for every chunk that is not all zeros and in their order, 8 bytes of its index
 * (big-endian) and the 32 bytes of its SHA-256; then 8 bytes of the file's size. It is the same wherever holes are.
 */
struct chunksum {
	pthread_mutex_t lock_;
	struct chunksum_one *v_;
	size_t n_, room_;
};

#define CHUNKSUM_NEW                                  \
	{                                             \
		PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0 \
	}

/* Adds chunk INDEX, which is not all zeros; in any order, from any thread, each once. Returns 0 or -1. */
int chunksum_add(struct chunksum *s, uint64_t index, const void *data, size_t n, struct err *e);

/* The digest of a file of SIZE bytes with the chunks that were added. Returns 0 or -1. */
int chunksum_end(struct chunksum *s, uint64_t size, char hex[SHA256_HEX], struct err *e);

/* Frees what S holds, ended or not. */
void chunksum_free(struct chunksum *s);

#define AUTO_CHUNKSUM __attribute__((cleanup(chunksum_free))) /* struct chunksum s = CHUNKSUM_NEW */

/*
 * Reads all SIZE bytes of FROM for their digest HEX; unless TO is -1 it becomes a copy (it is empty before, and as
 * sparse afterwards). Returns 0 or -1.
 */
int chunks_digest(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e);

#endif
