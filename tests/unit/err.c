/* Errors as values, and how long texts are truncated. */
#include "base/err.h"

#include <errno.h>

#include "tap.h"

static struct err e;
static char long_text[5000];

static void test_set(void)
{
	ok(err_set(&e, "no %s in %d", "thing", 7) == -1, "err_set returns -1");
	same(e.msg, "no thing in 7", "the text");
	(void)err_set(&e, "%s", "");
	same(e.msg, "", "an empty text");
	(void)err_set(&e, "%s", "%s%n");
	same(e.msg, "%s%n", "an argument is not taken as a format");
	(void)err_set(&e, "%s", long_text);
	ok(strlen(e.msg) == sizeof e.msg - 1 && strspn(e.msg, "x") == sizeof e.msg - 1, "a long text is truncated");
	(void)err_set(&e, "%.*s", (int)sizeof e.msg - 1, long_text);
	ok(strlen(e.msg) == sizeof e.msg - 1, "one that just fits is not truncated");
}

static void test_sys(void)
{
	errno = ENOENT;
	ok(err_sys(&e, "open %s", "x") == -1, "err_sys returns -1");
	same(e.msg, "open x: No such file or directory", "the text");
	errno = EACCES;
	(void)err_sys(&e, "%s", long_text);
	ok(strlen(e.msg) == sizeof e.msg - 1, "a long text is truncated");
	(void)err_sys(&e, "%.*s", (int)sizeof e.msg - 4, long_text);
	ok(strlen(e.msg) == sizeof e.msg - 1 && strcmp(e.msg + sizeof e.msg - 4, ": ") > 0,
	    "the text of errno is truncated");
	same(e.msg + sizeof e.msg - 4, ": P", "to its first letter");
}

static void test_prefix(void)
{
	(void)err_set(&e, "is a directory");
	ok(err_prefix(&e, "%s:%d", "file", 3) == -1, "err_prefix returns -1");
	same(e.msg, "file:3: is a directory", "the text");
	(void)err_prefix(&e, "outer");
	same(e.msg, "outer: file:3: is a directory", "and again");
	(void)err_prefix(&e, "%s", e.msg);
	same(e.msg, "outer: file:3: is a directory: outer: file:3: is a directory",
	    "the text of E itself can be the prefix");
	(void)err_set(&e, "%s", "");
	(void)err_prefix(&e, "a");
	same(e.msg, "a: ", "an empty text");
	(void)err_set(&e, "the end");
	(void)err_prefix(&e, "%s", long_text);
	ok(strlen(e.msg) < sizeof e.msg && strspn(e.msg, "x") >= 100, "a long prefix is truncated");
	ok(strstr(e.msg, ": the end") != NULL, "the text after it is kept");
	(void)err_set(&e, "%s", long_text);
	(void)err_prefix(&e, "begin");
	ok(strncmp(e.msg, "begin: x", 8) == 0 && strlen(e.msg) < sizeof e.msg,
	    "a long text is truncated, its prefix is kept");
	(void)err_set(&e, "%s", long_text);
	(void)err_prefix(&e, "%s", long_text);
	ok(strlen(e.msg) < sizeof e.msg && strstr(e.msg, "x: x") != NULL, "both are long");
}

int main(void)
{
	(void)memset(long_text, 'x', sizeof long_text - 1);
	test_set();
	test_sys();
	test_prefix();
	return tap_end();
}
