/* SSH identification strings (RFC 4253, section 4.2), at once and in pieces. */
#include "net/sshbanner.h"

#include "tap.h"

/* Feeds N bytes of DATA in pieces of PIECE bytes, each in memory of its own, so that a sanitizer detects overruns. */
static enum sshbanner_is feed(struct sshbanner *b, const char *data, size_t n, size_t piece, struct err *e)
{
	enum sshbanner_is is = SSHBANNER_MORE;
	size_t at, len;
	char *copy;

	for (at = 0; at < n && is == SSHBANNER_MORE; at += len) {
		len = n - at < piece ? n - at : piece;
		copy = malloc(len);
		if (copy == NULL)
			abort();
		(void)memcpy(copy, data + at, len);
		is = sshbanner_feed(b, copy, len, e);
		free(copy);
	}
	return is;
}

static void check(const char *name, const char *data, size_t n, enum sshbanner_is want, const char *text)
{
	static const size_t pieces[] = { 1, 2, 7, 1 << 20 };
	size_t i;

	for (i = 0; i < TAP_COUNT(pieces); i++) {
		struct sshbanner b = { .n = 0 };
		struct err e = { .msg = "" };
		enum sshbanner_is is = feed(&b, data, n, pieces[i], &e);

		ok(is == want, "%s, in pieces of %zu", name, pieces[i]);
		if (is != SSHBANNER_MORE)
			same(is == SSHBANNER_FOUND ? b.line : e.msg, text, "its text");
		else
			ok(e.msg[0] == '\0', "no error");
	}
}

static void found(const char *name, const char *data, const char *line)
{
	check(name, data, strlen(data), SSHBANNER_FOUND, line);
}

static void more(const char *name, const char *data)
{
	check(name, data, strlen(data), SSHBANNER_MORE, "");
}

/* A line of N bytes that begins with HEAD and ends with END. */
static char *line_of(const char *head, size_t n, const char *end)
{
	char *s = calloc(n + 1, 1);

	if (s == NULL)
		abort();
	(void)memset(s, 'x', n);
	(void)memcpy(s, head, strlen(head));
	(void)memcpy(s + n - strlen(end), end, strlen(end));
	return s;
}

static void test_length(void)
{
	static const char too_long[] = "not an SSH server: it sent a line of more than 255 bytes";
	char *line = line_of("SSH-2.0-", 255, "\r\n"), *text = line_of("SSH-2.0-", 253, "");

	found("255 bytes with CR LF", line, text);
	free(line);
	free(text);
	line = line_of("SSH-2.0-", 255, "\n");
	text = line_of("SSH-2.0-", 254, "");
	found("255 bytes with LF", line, text);
	free(line);
	free(text);
	line = line_of("SSH-2.0-", 256, "\r\n");
	check("256 bytes with CR LF", line, 256, SSHBANNER_BAD, too_long);
	free(line);
	line = line_of("SSH-2.0-", 256, "\n");
	check("256 bytes with LF", line, 256, SSHBANNER_BAD, too_long);
	check("255 bytes without an end", line, 255, SSHBANNER_BAD, too_long);
	check("254 bytes without an end", line, 254, SSHBANNER_MORE, "");
	free(line);
	line = line_of("Welcome", 256, "\n");
	check("256 bytes of another line", line, 256, SSHBANNER_BAD, too_long);
	free(line);
}

static void test_lines(void)
{
	static char data[1025 + 20];

	(void)memset(data, '\n', 1025);
	(void)memcpy(data + 1024, "SSH-2.0-x\n", 10);
	check("after 1024 lines", data, 1034, SSHBANNER_FOUND, "SSH-2.0-x");
	check("1024 lines and no more", data, 1024, SSHBANNER_MORE, "");
	(void)memset(data, '\n', 1025);
	(void)memcpy(data + 1025, "SSH-2.0-x\n", 10);
	check("after 1025 lines", data, 1035, SSHBANNER_BAD, "not an SSH server: it sent too many lines");
}

int main(void)
{
	static const char nul[] = "not an SSH server: it sent a NUL";

	found("CR LF", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2");
	found("LF alone", "SSH-1.99-old\n", "SSH-1.99-old");
	found("only the last CR belongs to the end", "SSH-2.0-a\r\r\n", "SSH-2.0-a?");
	found("bytes after the line are ignored", "SSH-2.0-a\r\n\1\2\3\xff", "SSH-2.0-a");
	found("lines before", "Welcome\r\nto an SSH-2.0 server\n\n\r\n SSH-2.0-no\nssh-2.0-no\nSSH-2.0-yes\r\n",
	    "SSH-2.0-yes");
	found("unprintable characters are replaced", "SSH-2.0-\33[2J\x7f\xc3\xa4\t~ \r\n", "SSH-2.0-?[2J????~ ");
	found("the shortest line", "SSH-\n", "SSH-");
	more("nothing", "");
	more("no end", "SSH-2.0-x");
	more("no LF", "SSH-2.0-x\r");
	more("another line", "HTTP/1.1 400 Bad Request\r\n");
	more("almost", "SSH\n");
	check("a NUL in the line", "SSH-2.0\0\n", 9, SSHBANNER_BAD, nul);
	check("a NUL before the line", "x\0\nSSH-2.0-x\n", 13, SSHBANNER_BAD, nul);
	check("a NUL after the line", "SSH-2.0-x\n\0", 11, SSHBANNER_FOUND, "SSH-2.0-x");
	check("a NUL first", "\0", 1, SSHBANNER_BAD, nul);
	test_length();
	test_lines();
	return tap_end();
}
