/*
 * Large sparse files, such as the memory of a guest, in blocks of 4 MiB. Holes are not read, and zeros are not written.
 * The functions use pread(2) and pwrite(2), so that several threads can share a descriptor.
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

/* The number of blocks in SIZE bytes; the last one may be short. */
uint64_t chunk_count(uint64_t size);

/* The length in bytes of block INDEX in a file of SIZE bytes. */
size_t chunk_len(uint64_t size, uint64_t index);

/* Are all N bytes zero? */
bool chunk_is_zero(const unsigned char *data, size_t n);

/* The first block from FROM on that is not entirely a hole in FD, or COUNT if there is none before COUNT. */
uint64_t chunk_with_data(int fd, uint64_t from, uint64_t count);

/* Reads the N bytes of block INDEX. Returns 0, or -1, also if the file ends before them. */
int chunk_read(int fd, uint64_t index, void *data, size_t n, struct err *e);

/* Writes block INDEX to FD, which has a hole there; long runs of zeros are left as holes. Returns 0 or -1. */
int chunk_write(int fd, uint64_t index, const unsigned char *data, size_t n, struct err *e);

/*
 * The digest of a sparse file: the SHA-256 of the following bytes. For each block that is not all zeros, in order, 8
 * bytes of its index (big-endian) and the 32 bytes of its SHA-256; then 8 bytes of the file's size (big-endian). It
 * does not depend on which zeros are stored as holes.
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

/* Adds block INDEX, which is not all zeros. Blocks may come in any order and from any thread, each once. Returns 0 or
 * -1. */
int chunksum_add(struct chunksum *s, uint64_t index, const void *data, size_t n, struct err *e);

/* Computes the digest of a file of SIZE bytes with the blocks that were added. Returns 0 or -1. */
int chunksum_end(struct chunksum *s, uint64_t size, char hex[SHA256_HEX], struct err *e);

/* Frees the memory of S; may be called at any time. */
void chunksum_free(struct chunksum *s);

#define AUTO_CHUNKSUM __attribute__((cleanup(chunksum_free))) /* struct chunksum s = CHUNKSUM_NEW */

/*
 * Computes the digest HEX of the SIZE bytes of FROM. Unless TO is -1, also copies them to the empty file TO, which
 * becomes as sparse as FROM. Returns 0 or -1.
 */
int chunks_digest(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e);

#endif
