/* SHA-256 by libcrypto's EVP interface. */
#ifndef KS_BASE_SHA256_H
#define KS_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SHA256_HEX 65 /* 64 lower-case hexadecimal digits and the NUL */
#define SHA256_RAW 32 /* bytes of a digest that is not printed */

struct sha256;

/* Starts a digest. Returns NULL when out of memory. */
struct sha256 *sha256_new(void);
/* Adds N bytes. Returns 0, or -1 when libcrypto fails. */
int sha256_add(struct sha256 *s, const void *data, size_t n);
/* Ends the digest, writes it to HEX, and frees S (sha256_free is then not needed). Returns 0 or -1. */
int sha256_end(struct sha256 *s, char hex[SHA256_HEX]);
/* Frees an unfinished digest; NULL is allowed. */
void sha256_free(struct sha256 *s);
/* The digest of N bytes, as bytes. Returns 0 or -1. Threads may call it at the same time. */
int sha256_raw(const void *data, size_t n, unsigned char md[SHA256_RAW]);
/* As sha256_raw, in hexadecimal digits. */
int sha256_hex(const void *data, size_t n, char hex[SHA256_HEX]);
/* The digest of a whole file and, unless SIZE is NULL, its length in bytes. Returns 0 or -1. */
int sha256_file(const char *path, char hex[SHA256_HEX], uint64_t *size, struct err *e);

#endif
