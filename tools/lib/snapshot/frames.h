/*
 * The packed form of a large sparse file: a zstd file with a frame of its own for every chunk (chunks.h), in their
 * order, each with its content size; chunks of zeros are all the same few bytes. zstd(1) unpacks it too.
 */
#ifndef KS_SNAPSHOT_FRAMES_H
#define KS_SNAPSHOT_FRAMES_H

#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"

/*
 * Packs the SIZE bytes of FROM to the end of TO. HEX becomes the digest (chunks.h) of what was read. A file of no
 * bytes is one frame of none. Returns 0 or -1.
 */
int frames_pack(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e);

/*
 * Unpacks FROM, all of it, to TO: an empty file that becomes SIZE bytes, with holes where chunks are zero. HEX
 * becomes the digest of what was written. Memory is bounded whatever FROM holds; it may be anything.
 * Returns 0, or -1: also when FROM is not the packed form of SIZE bytes.
 */
int frames_unpack(int from, uint64_t size, int to, char hex[SHA256_HEX], struct err *e);

#endif
