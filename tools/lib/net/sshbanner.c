#include "net/sshbanner.h"

#include <string.h>

#include "base/err.h"
#include "net/printable.h"

#define LINES_MAX 1024

static enum sshbanner_is bad(struct err *e, const char *what)
{
	(void)err_set(e, "not an SSH server: it sent %s", what);
	return SSHBANNER_BAD;
}

/* Handles a complete line, which comes without its LF. */
static enum sshbanner_is end_line(struct sshbanner *b, struct err *e)
{
	if (b->n > 0 && b->line[b->n - 1] == '\r')
		b->n--;
	b->line[b->n] = '\0';
	b->n = 0;
	if (strncmp(b->line, "SSH-", 4) == 0) {
		printable(b->line);
		return SSHBANNER_FOUND;
	}
	if (++b->lines > LINES_MAX)
		return bad(e, "too many lines");
	return SSHBANNER_MORE;
}

enum sshbanner_is sshbanner_feed(struct sshbanner *b, const void *data, size_t n, struct err *e)
{
	const char *s = data;
	enum sshbanner_is is;
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == '\0')
			return bad(e, "a NUL");
		if (s[i] != '\n') {
			/* The limit includes the LF. */
			if (b->n + 1 == SSHBANNER_LINE)
				return bad(e, "a line of more than 255 bytes");
			b->line[b->n++] = s[i];
			continue;
		}
		is = end_line(b, e);
		if (is != SSHBANNER_MORE)
			return is;
	}
	return SSHBANNER_MORE;
}
