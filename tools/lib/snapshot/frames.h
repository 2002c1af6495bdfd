/*
 * The packed form of a large sparse file: a zstd file with one frame for each block (base/sparse.h), in order, each
 * with its content size. All frames of a whole block of zeros are the same few bytes. zstd(1) unpacks it too.
 */
#ifndef KS_SNAPSHOT_FRAMES_H
#define KS_SNAPSHOT_FRAMES_H

#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"

/*
 * Packs the SIZE bytes of FROM and appends them to TO. HEX becomes the digest (base/sparse.h) of what was read. An
 * empty file becomes one empty frame. Returns 0 or -1.
 */
int frames_pack(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e);

/*
 * Unpacks all of FROM, which is not trusted, to TO: an empty file, which becomes SIZE bytes with holes for blocks of
 * zeros. HEX becomes the digest of what was written. Memory is bounded whatever FROM contains. Returns 0, or -1: also
 * if FROM is not the packed form of SIZE bytes.
 */
int frames_unpack(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e);

#endif
