/*
 * Large sparse files (a guest's memory) in blocks of 4 MiB: holes are not read, and zeros are not written. The
 * functions use pread(2) and pwrite(2), so that several threads can share a descriptor.
 */
#ifndef KS_BASE_SPARSE_H
#define KS_BASE_SPARSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"

#define SPARSE_BLOCK ((size_t)4 << 20) /* bytes; BLOCK_SIZE is taken by <linux/fs.h> */

/* Most threads that work on a file. Each has a block in memory, so their number bounds the memory. */
enum { SPARSE_THREADS = 4 };

/* The number of blocks in SIZE bytes; the last one may be short. */
uint64_t block_count(uint64_t size);

/* The length of block INDEX of a file of SIZE bytes. */
size_t block_len(uint64_t size, uint64_t index);

/* Are all N bytes zero? */
bool block_is_zero(const unsigned char *data, size_t n);

/* The first block at or after FROM that is not all hole in FD, or COUNT if there is none before block COUNT. */
uint64_t block_with_data(int fd, uint64_t from, uint64_t count);

/* Reads the N bytes of block INDEX. Returns 0, or -1, also if the file ends before them. */
int block_read(int fd, uint64_t index, void *data, size_t n, struct err *e);

/* Writes block INDEX to FD, which must have a hole there; long runs of zeros stay holes. Returns 0 or -1. */
int block_write(int fd, uint64_t index, const unsigned char *data, size_t n, struct err *e);

/* As block_write, for N bytes at the byte AT. Returns 0, or -1 with errno. */
int sparse_write(int fd, uint64_t at, const unsigned char *data, size_t n);

/*
 * The digest of a file: SHA-256 over, for every block that is not all zeros, in ascending order, 8 bytes of its index
 * (big-endian) and the 32 bytes of its SHA-256; then 8 bytes of the file's size. It does not depend on where the file
 * has holes.
 */
struct blocksum {
	pthread_mutex_t lock_;
	struct blocksum_one *v_;
	size_t n_, room_;
};

#define BLOCKSUM_NEW                                  \
	{                                             \
		PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0 \
	}

/* Adds block INDEX, which is not all zeros: in any order, from any thread, each block once. Returns 0 or -1. */
int blocksum_add(struct blocksum *s, uint64_t index, const void *data, size_t n, struct err *e);

/* The digest of a file of SIZE bytes with the blocks that were added. Returns 0 or -1. */
int blocksum_end(struct blocksum *s, uint64_t size, char hex[SHA256_HEX], struct err *e);

/* Frees the memory of S, before or after blocksum_end. */
void blocksum_free(struct blocksum *s);

/*
 * Reads all SIZE bytes of FROM and puts their digest into HEX. Unless TO is -1, TO, which must be empty, becomes a copy
 * that is as sparse. Returns 0 or -1.
 */
int blocks_digest(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e);

#endif
