/* URLs as they are printed, their file names, and the header Content-Range. */
#include "net/url.h"

#include "tap.h"

static void test_shown(void)
{
	static const char *const urls[][2] = {
		{ "https://example.org/a/b", "https://example.org/a/b" },
		{ "https://user:secret@example.org/a", "https://example.org/a" },
		{ "https://user:se@cret@example.org/a", "https://example.org/a" },
		{ "https://user@example.org", "https://example.org" },
		{ "https://example.org/a@b", "https://example.org/a@b" },
		{ "https://example.org/a?token=secret", "https://example.org/a" },
		{ "https://example.org?token=sec@ret", "https://example.org" },
		{ "https://example.org/a#secret", "https://example.org/a" },
		{ "file:///a/b?c", "file:///a/b" },
		{ "user:secret@host/path", "host/path" },
		{ "", "" },
	};
	size_t i;

	for (i = 0; i < TAP_COUNT(urls); i++) {
		char *shown = url_shown(urls[i][0]);

		if (shown == NULL)
			abort();
		same(shown, urls[i][1], urls[i][0]);
		free(shown);
	}
}

static void test_file_name(void)
{
	static const char *const urls[][2] = {
		{ "https://example.org/a/b.tar.gz", "b.tar.gz" },
		{ "https://example.org/b?c/d", "b" },
		{ "https://example.org/b#c/d", "b" },
		{ "file:///a/b", "b" },
		{ "https://example.org/...", "..." },
		{ "https://example.org", NULL },
		{ "https://example.org/", NULL },
		{ "https://example.org/a/", NULL },
		{ "https://example.org/.", NULL },
		{ "https://example.org/a/..", NULL },
		{ "https://example.org?a/b", NULL },
	};
	size_t i;

	for (i = 0; i < TAP_COUNT(urls); i++) {
		char *name = url_file_name(urls[i][0]);

		if (urls[i][1] == NULL)
			ok(name == NULL, "'%s' has no file name", urls[i][0]);
		else
			same(name != NULL ? name : "(null)", urls[i][1], urls[i][0]);
		free(name);
	}
}

static void test_supported(void)
{
	ok(url_supported("http://a") && url_supported("HTTPS://a") && url_supported("file:///a"),
	    "http, https and file");
	ok(!url_supported("http://") && !url_supported("file://host/a") && !url_supported("ftp://a") &&
		!url_supported("a") && !url_supported(""),
	    "and no other URLs");
}

static void test_content_range(void)
{
	static const struct {
		const char *line;
		int rc;
		uint64_t first;
	} lines[] = {
		{ "Content-Range: bytes 5-9/10\r\n", 0, 5 },
		{ "content-range:bytes 0-0/*", 0, 0 },
		{ "CONTENT-RANGE: \t BYTES 18446744073709551605-x", 0, 18446744073709551605U },
		{ "Content-Range: bytes 18446744073709551616-x", -1, 0 },
		{ "Content-Range: bytes 5", -1, 0 },
		{ "Content-Range: bytes -5", -1, 0 },
		{ "Content-Range: bytes */10", -1, 0 },
		{ "Content-Range: items 5-9/10", -1, 0 },
		{ "Content-Range:", -1, 0 },
		{ "Content-Length: 5", -1, 0 },
		{ "", -1, 0 },
	};
	size_t i;

	for (i = 0; i < TAP_COUNT(lines); i++) {
		uint64_t first = 0;

		ok(url_content_range(lines[i].line, strlen(lines[i].line), &first) == lines[i].rc &&
			first == lines[i].first,
		    "'%s'", lines[i].line);
	}
}

int main(void)
{
	test_shown();
	test_file_name();
	test_supported();
	test_content_range();
	return tap_end();
}
