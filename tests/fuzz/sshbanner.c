/* The first bytes from an SSH server, or from anything else that listens, in pieces of all sizes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/sshbanner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Feeds DATA in pieces of PIECE bytes; 0: all at once. */
static enum sshbanner_is feed(struct sshbanner *b, const uint8_t *data, size_t n, size_t piece, struct err *e)
{
	enum sshbanner_is is = SSHBANNER_MORE;
	size_t at, len;

	for (at = 0; at < n && is == SSHBANNER_MORE; at += len) {
		len = piece == 0 || piece > n - at ? n - at : piece;
		is = sshbanner_feed(b, data + at, len, e);
	}
	return is;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sshbanner pieces = { .n = 0 }, whole = { .n = 0 };
	struct err e = { 0 };
	enum sshbanner_is is;
	size_t i;

	/* The first byte is the size of the pieces. */
	if (n == 0)
		return 0;
	is = feed(&pieces, data + 1, n - 1, data[0], &e);
	if ((is == SSHBANNER_BAD) != (e.msg[0] != '\0') || is != feed(&whole, data + 1, n - 1, 0, &e))
		abort();
	if (is != SSHBANNER_FOUND)
		return 0;
	if (strncmp(whole.line, "SSH-", 4) != 0 || strlen(whole.line) > SSHBANNER_LINE - 1 ||
	    strcmp(whole.line, pieces.line) != 0)
		abort();
	for (i = 0; whole.line[i] != '\0'; i++)
		if (whole.line[i] < ' ' || whole.line[i] > '~')
			abort();
	return 0;
}
