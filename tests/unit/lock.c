/* Lock files: reading with its errors, and writing. */
#include "provider/lock.h"

#include "tap.h"

static void refused(const char *text, const char *want)
{
	AUTO_LOCK struct lock l = { 0 };
	struct err e = { 0 };

	ok(lock_parse(&l, text, strlen(text), "f", &e) < 0 && l.n == 0, "refused");
	same(e.msg, want, "with the line");
}

static void test_errors(void)
{
	refused("x = 1\n", "f:1: a value before any section");
	refused("[a]\nx = 1\n\nx = 2\n", "f:4: duplicate key x");
	refused("[file a]\nx = 1\n[b]\n[file a]\n", "f:4: duplicate section [file a]");
	refused("[a]\nx=1\n", "f:2: neither [section] nor key = value");
	refused("[a]\n x = 1\n", "f:2: neither [section] nor key = value");
	refused("[a]\nX = 1\n", "f:2: neither [section] nor key = value");
	refused("[A]\n", "f:1: neither [section] nor key = value");
	refused("[a b c]\n", "f:1: neither [section] nor key = value");
	refused("[a ]\n", "f:1: neither [section] nor key = value");
	refused("[a\n", "f:1: neither [section] nor key = value");
	refused("[", "f:1: neither [section] nor key = value");
	refused("[a]\r\n", "f:1: neither [section] nor key = value");
}

static void test_write(void)
{
	static const char text[] =
	    "; c\n[lock]\nversion = 1\n\n[file a.b]\nurl = x = y\nsha256 = \n\n[image a/b:1@c]\nname = n\n";
	AUTO_LOCK struct lock l = { 0 };
	AUTO_WORDS struct words names = { 0 };
	struct err e = { 0 };
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	ok(lock_parse(&l, text, strlen(text), "f", &e) == 0 && l.n == 4, "a lock file");
	same(lock_get(&l, "file a.b", "url"), "x = y", "a value goes to the end of its line");
	same(lock_get(&l, "file a.b", "sha256"), "", "and may be empty");
	ok(lock_get(&l, "file a", "url") == NULL && lock_get(&l, "file a.b", "path") == NULL, "no other values");
	ok(lock_names(&l, "image", &names) == 0 && names.n == 1, "one image");
	same(names.v[0], "a/b:1@c", "its name");
	lock_write(f, &l, "c");
	(void)fclose(f);
	same(out, text, "it is written unchanged");
	free(out);
}

static void test_add(void)
{
	AUTO_LOCK struct lock l = { 0 };
	struct err e = { 0 };
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	ok(lock_add(&l, "file a", "x", "1", &e) == 0 && lock_add(&l, "file b", "x", "2", &e) == 0 &&
		lock_add(&l, "file a", "y", "3", &e) == 0,
	    "values");
	ok(lock_add(&l, "file a", "x", "4", &e) < 0, "a duplicate key is refused");
	ok(lock_add(&l, "file a]", "x", "4", &e) < 0 && lock_add(&l, "", "x", "4", &e) < 0,
	    "an invalid section is refused");
	ok(lock_add(&l, "a", "x y", "4", &e) < 0 && lock_add(&l, "a", "", "4", &e) < 0, "an invalid key is refused");
	ok(lock_add(&l, "a", "x", "4\n5", &e) < 0, "a value of two lines is refused");
	lock_write(f, &l, NULL);
	(void)fclose(f);
	same(out, "\n[file a]\nx = 1\ny = 3\n\n[file b]\nx = 2\n", "values are grouped by section");
	free(out);
}

int main(void)
{
	test_errors();
	test_write();
	test_add();
	return tap_end();
}
