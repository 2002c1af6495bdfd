/* Tar archives in memory. */
#include "oci/ustar.h"

#include "tap.h"

static unsigned char tar[8192];
static size_t used;

/* Adds a header and its data. */
static void add(const char *prefix, const char *name, const char *mode, char type, const char *data)
{
	unsigned char *h = tar + used;
	unsigned i, n = (unsigned)strlen(data), sum = 0;

	(void)memcpy(h, name, strlen(name));
	(void)memcpy(h + 100, mode, strlen(mode));
	(void)snprintf((char *)h + 124, 12, "%011o", n);
	(void)memset(h + 148, ' ', 8);
	h[156] = (unsigned char)type;
	(void)memcpy(h + 257, "ustar\00000", 8);
	(void)memcpy(h + 345, prefix, strlen(prefix));
	for (i = 0; i < 512; i++)
		sum += h[i];
	(void)snprintf((char *)h + 148, 8, "%06o", sum);
	(void)memcpy(h + 512, data, n);
	used += 512 + (size_t)(n + 511) / 512 * 512;
}

static void reset(void)
{
	(void)memset(tar, 0, sizeof tar);
	used = 0;
}

static void test_entries(void)
{
	struct ustar t = { tar, sizeof tar };
	struct ustar_entry f;
	struct err e = { 0 };

	reset();
	add("", "etc/", "0000750", '5', "");
	add("", "./etc//key", "0000600", '0', "secret");
	add("a/long", "name", "0004755", '\0', "");
	add("", "/absolute", "0000644", '0', "x");
	ok(ustar_next(&t, &f, &e) == 1 && f.dir && f.mode == 0750, "a directory");
	same(f.name, "etc", "its name");
	ok(ustar_next(&t, &f, &e) == 1 && !f.dir && f.mode == 0600 && f.n == 6 && memcmp(f.data, "secret", 6) == 0,
	    "a file");
	same(f.name, "etc/key", "its name");
	ok(ustar_next(&t, &f, &e) == 1 && f.mode == 04755 && f.n == 0, "an empty file, of the old type");
	same(f.name, "a/long/name", "its name, from prefix and name");
	ok(ustar_next(&t, &f, &e) == 1, "an absolute name");
	same(f.name, "absolute", "is taken as relative");
	ok(ustar_next(&t, &f, &e) == 0, "the end");
}

static void refuses(const char *name, char type, size_t len, size_t broken, const char *why)
{
	struct ustar t = { tar, len };
	struct ustar_entry f;
	struct err e = { 0 };

	reset();
	add("", name, "0000644", type, "data");
	tar[broken] ^= 1;
	ok(ustar_next(&t, &f, &e) == -1, "%s, %zu bytes: refused", name, len);
	same(e.msg, why, "the reason");
}

int main(void)
{
	test_entries();
	refuses("a/../../b", '0', 8192, 5000, "a/../../b: name contains ..");
	refuses("..", '0', 8192, 5000, "..: name contains ..");
	refuses("link", '2', 8192, 5000, "link: neither a regular file nor a directory");
	refuses("./", '0', 8192, 5000, "entry without a name");
	refuses("dir", '5', 8192, 5000, "dir: the archive is truncated");
	refuses("file", '0', 511, 5000, "the archive is truncated");
	refuses("file", '0', 514, 5000, "file: the archive is truncated");
	refuses("file", '0', 600, 5000, "file: the archive is truncated");
	refuses("file", '0', 8192, 3, "not a tar archive");
	refuses("file", '0', 8192, 258, "not a tar archive");
	return tap_end();
}
