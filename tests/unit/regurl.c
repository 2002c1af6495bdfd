/* URLs in answers of a registry, and which of them may get credentials. */
#include "registry/url.h"

#include "tap.h"

static void leads(const char *base, const char *location, const char *where)
{
	struct err e = { .msg = "" };
	char *url = regurl_resolve(base, location, &e);

	same(url != NULL ? url : e.msg, where, location);
	free(url);
}

static void test_locations(void)
{
	static const char base[] = "https://h:5000/v2/a/blobs/uploads/";
	struct err e = { .msg = "" };

	leads(base, "https://x/y?z", "https://x/y?z");
	leads(base, "/v2/b?c=d", "https://h:5000/v2/b?c=d");
	leads(base, "e", "https://h:5000/v2/a/blobs/uploads/e");
	leads(base, "//x/y", "https://x/y");
	leads(base, "/a#b", "https://h:5000/a");
	leads(base, "http://h:5000/y", "redirected from https to http");
	leads("http://h/", "https://h/y", "https://h/y");
	leads("http://h/", "ftp://h/y", "redirected to a URL that is neither http nor https");
	leads("http://h/", "file:///etc/passwd", "redirected to a URL that is neither http nor https");
	ok(regurl_resolve("http://h/", "http://u:p@h/", &e) == NULL && strstr(e.msg, "bad URL") != NULL,
	    "a user name is refused");
}

static void test_origins(void)
{
	ok(regurl_same_origin("https://h/a", "https://H:443/b"), "the default port is equal to an explicit one");
	ok(!regurl_same_origin("https://h/a", "http://h/a"), "another scheme is another origin");
	ok(!regurl_same_origin("https://h/a", "https://h:5000/a"), "another port is another origin");
	ok(!regurl_same_origin("https://h/a", "https://h.x/a"), "another host is another origin");
	ok(!regurl_same_origin("https://h/a", "https://h@x/a"), "a user name that looks like the host");
	ok(!regurl_same_origin("", ""), "not a URL");
}

static void test_ranges(void)
{
	static const char *const bad[] = { "", "0", "1-5", "0-", "0-x", "0--1", "0-9223372036854775807", "bytes 0-5" };
	uint64_t n = 7;
	size_t i;

	for (i = 0; i < TAP_COUNT(bad); i++)
		ok(regurl_range(bad[i], &n) == -1 && n == 7, "'%s' is not a valid range", bad[i]);
	ok(regurl_range("0-9", &n) == 0 && n == 10, "ten bytes");
	ok(regurl_range("bytes=0-9", &n) == 0 && n == 10, "ten bytes, with docker's prefix");
	ok(regurl_range("0-0", &n) == 0 && n == 0, "0-0 counts as 0 bytes");
}

int main(void)
{
	char *url = regurl_add("http://h/a", "digest", "sha256:1"), *more;

	same(url, "http://h/a?digest=sha256%3A1", "the first parameter of a query");
	more = regurl_add(url, "x", "a&b");
	same(more, "http://h/a?digest=sha256%3A1&x=a%26b", "another parameter of a query");
	free(more);
	free(url);
	test_locations();
	test_origins();
	test_ranges();
	return tap_end();
}
