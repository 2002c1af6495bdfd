/* SHA-256, by the EVP interface of libcrypto. */
#ifndef KS_BASE_SHA256_H
#define KS_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SHA256_HEX 65 /* 64 lower-case hexadecimal digits and the NUL */
#define SHA256_RAW 32 /* bytes of a digest in binary form */

struct sha256;

/* Starts a digest. Returns NULL when out of memory or when libcrypto fails. */
struct sha256 *sha256_new(void);
/* Adds N bytes. Returns 0, or -1 when libcrypto fails. */
int sha256_add(struct sha256 *s, const void *data, size_t n);
/* Writes the digest to HEX and frees S, also on failure. Returns 0 or -1. */
int sha256_end(struct sha256 *s, char hex[SHA256_HEX]);
/* Frees an unfinished digest; does nothing if S is NULL. */
void sha256_free(struct sha256 *s);
/* Writes the digest of N bytes to MD in binary form. Thread-safe. Returns 0 or -1. */
int sha256_raw(const void *data, size_t n, unsigned char md[SHA256_RAW]);
/* Like sha256_raw, but in hexadecimal digits. */
int sha256_hex(const void *data, size_t n, char hex[SHA256_HEX]);
/* Computes the digest of the file PATH and, unless SIZE is NULL, its length in bytes. Returns 0 or -1. */
int sha256_file(const char *path, char hex[SHA256_HEX], uint64_t *size, struct err *e);

/* Is TEXT a digest of 64 lower-case hexadecimal digits? NULL is not. */
bool sha256_is_hex(const char *text);
/* The 64 digits in "sha256:HEX", or NULL if DIGEST is anything else, and must not become part of a file name. */
const char *sha256_parse(const char *digest);

#endif
