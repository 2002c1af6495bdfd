#include "base/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct sha256 {
	EVP_MD_CTX *ctx;
};

struct sha256 *sha256_new(void)
{
	struct sha256 *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->ctx = EVP_MD_CTX_new();
	if (s->ctx == NULL || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1) {
		sha256_free(s);
		return NULL;
	}
	return s;
}

static const char digits[] = "0123456789abcdef";

static void print(const unsigned char md[SHA256_RAW], char hex[SHA256_HEX])
{
	unsigned i;

	for (i = 0; i < SHA256_RAW; i++) {
		hex[2 * i] = digits[md[i] >> 4];
		hex[2 * i + 1] = digits[md[i] & 15];
	}
	hex[2 * SHA256_RAW] = '\0';
}

int sha256_add(struct sha256 *s, const void *data, size_t n)
{
	return EVP_DigestUpdate(s->ctx, data, n) == 1 ? 0 : -1;
}

int sha256_end(struct sha256 *s, char hex[SHA256_HEX])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int ok = EVP_DigestFinal_ex(s->ctx, md, &n);

	sha256_free(s);
	if (ok != 1 || n != SHA256_RAW)
		return -1;
	print(md, hex);
	return 0;
}

void sha256_free(struct sha256 *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

int sha256_raw(const void *data, size_t n, unsigned char md[SHA256_RAW])
{
	return EVP_Digest(data, n, md, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;
}

int sha256_hex(const void *data, size_t n, char hex[SHA256_HEX])
{
	unsigned char md[SHA256_RAW];

	if (sha256_raw(data, n, md) < 0)
		return -1;
	print(md, hex);
	return 0;
}

int sha256_file(const char *path, char hex[SHA256_HEX], uint64_t *size, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	char buf[1 << 16];
	struct sha256 *s;
	uint64_t total = 0;
	size_t n;

	if (f == NULL)
		return err_sys(e, "%s", path);
	s = sha256_new();
	if (s == NULL)
		return err_no_memory(e);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
		total += n;
		if (sha256_add(s, buf, n) < 0)
			break;
	}
	if (ferror(f) || n > 0) {
		sha256_free(s);
		return err_sys(e, "%s", path);
	}
	if (sha256_end(s, hex) < 0)
		return err_set(e, "%s: libcrypto failed", path);
	if (size != NULL)
		*size = total;
	return 0;
}

bool sha256_is_hex(const char *text)
{
	return text != NULL && strlen(text) == SHA256_HEX - 1 && strspn(text, digits) == SHA256_HEX - 1;
}

const char *sha256_parse(const char *digest)
{
	static const char head[] = "sha256:";

	if (digest == NULL || strncmp(digest, head, sizeof head - 1) != 0)
		return NULL;
	digest += sizeof head - 1;
	return sha256_is_hex(digest) ? digest : NULL;
}
