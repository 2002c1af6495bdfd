#include "oci/compress.h"

/* zlib does not write to its input: this makes its header say so. */
#define ZLIB_CONST
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Another level is another digest for the same tree: see KS_VERSION before changing one. */
enum { GZIP_LEVEL = 6, ZSTD_LEVEL = 3 };
/* Half of the level's own tables, which do not stay in a core's cache: an eighth less work for 1.3 % more bytes. */
enum { ZSTD_HASH = 16, ZSTD_CHAIN = 15 };
/* What a worker gets at a time. The default, four windows or 8 MiB, takes three times the memory for 0.5 % fewer bytes. */
enum { ZSTD_JOB = 2 << 20 };
/* gzip(1)'s format instead of zlib's: windowBits of 15, plus 16 (zlib.h, deflateInit2). */
enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8 };

struct squeeze {
	enum squeeze_kind kind;
	FILE *to;
	uint64_t size;
	struct sha256 *raw, *packed;
	ZSTD_CCtx *zstd;
	z_stream gzip;
	unsigned char buf[128 * 1024];
};

static int start_zstd(struct squeeze *s, int workers)
{
	s->zstd = ZSTD_createCCtx();
	if (s->zstd == NULL)
		return -1;
	/* With no worker the output differs from that of one or more, so there is always one. */
	if (ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_hashLog, ZSTD_HASH)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_chainLog, ZSTD_CHAIN)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_nbWorkers, workers)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_jobSize, ZSTD_JOB)))
		return -1;
	return 0;
}

struct squeeze *squeeze_new(enum squeeze_kind kind, int workers, FILE *to, struct err *e)
{
	struct squeeze *s = calloc(1, sizeof *s);
	int rc = 0;

	if (s == NULL) {
		(void)err_no_memory(e);
		return NULL;
	}
	s->kind = SQUEEZE_NONE;
	s->to = to;
	s->raw = sha256_new();
	s->packed = kind != SQUEEZE_NONE ? sha256_new() : NULL;
	if (kind == SQUEEZE_ZSTD)
		rc = start_zstd(s, workers);
	else if (kind == SQUEEZE_GZIP)
		rc = deflateInit2(&s->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY);
	if (rc == 0)
		s->kind = kind;
	if (rc != 0 || s->raw == NULL || (s->packed == NULL && kind != SQUEEZE_NONE)) {
		(void)err_set(e, "the compressor does not start");
		squeeze_free(s);
		return NULL;
	}
	return s;
}

static int emit(struct squeeze *s, const void *data, size_t n, struct err *e)
{
	if (n == 0)
		return 0;
	if (s->packed != NULL && sha256_add(s->packed, data, n) < 0)
		return err_set(e, "the digest failed");
	if (fwrite(data, 1, n, s->to) != n)
		return err_sys(e, "write");
	s->size += n;
	return 0;
}

static int add_gzip(struct squeeze *s, const void *data, size_t n, int flush, struct err *e)
{
	const unsigned char *p = data;

	/* avail_in is an unsigned int: a larger piece goes in parts, of which only the last one may end the stream. */
	do {
		size_t part = n < 1U << 30 ? n : 1U << 30;

		s->gzip.next_in = p;
		s->gzip.avail_in = (unsigned)part;
		do {
			s->gzip.next_out = s->buf;
			s->gzip.avail_out = sizeof s->buf;
			if (deflate(&s->gzip, flush) == Z_STREAM_ERROR)
				return err_set(e, "gzip failed");
			if (emit(s, s->buf, sizeof s->buf - s->gzip.avail_out, e) < 0)
				return -1;
		} while (s->gzip.avail_out == 0);
		p += part;
		n -= part;
	} while (n > 0);
	return 0;
}

static int add_zstd(struct squeeze *s, const void *data, size_t n, ZSTD_EndDirective end, struct err *e)
{
	ZSTD_inBuffer in = { data, n, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { s->buf, sizeof s->buf, 0 };

		left = ZSTD_compressStream2(s->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return err_set(e, "zstd: %s", ZSTD_getErrorName(left));
		if (emit(s, s->buf, out.pos, e) < 0)
			return -1;
	} while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

int squeeze_add(struct squeeze *s, const void *data, size_t n, struct err *e)
{
	if (n == 0)
		return 0;
	if (sha256_add(s->raw, data, n) < 0)
		return err_set(e, "the digest failed");
	switch (s->kind) {
	case SQUEEZE_GZIP:
		return add_gzip(s, data, n, Z_NO_FLUSH, e);
	case SQUEEZE_ZSTD:
		return add_zstd(s, data, n, ZSTD_e_continue, e);
	default:
		return emit(s, data, n, e);
	}
}

int squeeze_end(struct squeeze *s, struct squeeze_sums *sums, struct err *e)
{
	struct sha256 *raw = s->raw, *packed = s->packed;

	if (s->kind == SQUEEZE_GZIP && add_gzip(s, "", 0, Z_FINISH, e) < 0)
		return -1;
	if (s->kind == SQUEEZE_ZSTD && add_zstd(s, "", 0, ZSTD_e_end, e) < 0)
		return -1;
	sums->size = s->size;
	s->raw = NULL;
	s->packed = NULL;
	if (sha256_end(raw, sums->raw_hex) < 0) {
		sha256_free(packed);
		return err_set(e, "the digest failed");
	}
	if (packed == NULL)
		(void)memcpy(sums->hex, sums->raw_hex, sizeof sums->hex);
	else if (sha256_end(packed, sums->hex) < 0)
		return err_set(e, "the digest failed");
	return 0;
}

void squeeze_free(struct squeeze *s)
{
	if (s == NULL)
		return;
	if (s->kind == SQUEEZE_GZIP)
		(void)deflateEnd(&s->gzip);
	(void)ZSTD_freeCCtx(s->zstd);
	sha256_free(s->raw);
	sha256_free(s->packed);
	free(s);
}
