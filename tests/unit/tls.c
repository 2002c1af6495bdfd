/* Certificates of registries: which files of a directory are read, and how much of them. */
#include "registry/tls.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tap.h"

enum { CA_MAX = 4 << 20 };

static struct regtls t;
static struct err e;

/* Creates the file PATH with N bytes 'c', or with TEXT. */
static void write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || (text != NULL && fputs(text, f) < 0))
		abort();
	for (; n > 0; n--)
		(void)fputc('c', f);
	if (fclose(f) != 0)
		abort();
}

static int load(const char *dir)
{
	regtls_free(&t);
	e.msg[0] = '\0';
	return regtls_load(&t, dir, "registry.example:5000", &e);
}

static void test_authorities(void)
{
	ok(load("d") == 0 && t.ca_ == NULL && t.cert_ == NULL, "an empty directory");
	write_file("d/empty.crt", "", 0);
	ok(load("d") == 0 && t.ca_ == NULL, "an empty file has no authorities");
	write_file("d/b.crt", "two", 0);
	write_file("d/a.crt", "one\n", 0);
	write_file("d/other.txt", "three", 0);
	write_file("d/.crt", "four", 0);
	ok(load("d") == 0 && t.n_ == 9 && memcmp(t.ca_, "one\n\ntwo\n", 9) == 0, "*.crt, each followed by a newline");
	(void)unlink("d/.crt");
	(void)unlink("d/other.txt");
	(void)unlink("d/empty.crt");
}

static void test_limit(void)
{
	/* With the newlines after both files this is exactly the limit. */
	write_file("d/b.crt", NULL, CA_MAX - 6);
	ok(load("d") == 0 && t.n_ == CA_MAX, "authorities up to the limit");
	write_file("d/c.crt", "", 0);
	ok(load("d") == 0 && t.n_ == CA_MAX, "and an empty file");
	write_file("d/c.crt", "x", 0);
	ok(load("d") == -1 && strstr(e.msg, "d/c.crt: more than 0 bytes") != NULL, "and one byte more");
	(void)unlink("d/c.crt");
	write_file("d/b.crt", NULL, CA_MAX - 5);
	ok(load("d") == -1 && strstr(e.msg, "d/b.crt: more than ") != NULL, "a file beyond the limit");
	(void)unlink("d/a.crt");
	(void)unlink("d/b.crt");
}

static void test_client(void)
{
	write_file("d/b.cert", "", 0);
	ok(load("d") == -1 && strcmp(e.msg, "d/b.key: No such file or directory") == 0, "a certificate without a key");
	write_file("d/b.key", "", 0);
	ok(load("d") == 0 && strcmp(t.cert_, "d/b.cert") == 0 && strcmp(t.key_, "d/b.key") == 0, "a pair");
	write_file("d/a.cert", "", 0);
	write_file("d/a.key", "", 0);
	ok(load("d") == 0 && strcmp(t.cert_, "d/a.cert") == 0 && strcmp(t.key_, "d/a.key") == 0,
	    "the first of two pairs");
	(void)unlink("d/a.cert");
	(void)unlink("d/a.key");
	(void)unlink("d/b.cert");
	(void)unlink("d/b.key");
}

/* Without a directory it is that of the registry, in the home directory first. */
static void test_home(void)
{
	static const char *const dirs[] = { ".config", ".config/containers", ".config/containers/certs.d",
		".config/containers/certs.d/registry.example:5000" };
	char path[128];
	size_t i;

	ok(load("absent") == -1 && strcmp(e.msg, "absent: No such file or directory") == 0,
	    "a directory that does not exist");
	for (i = 0; i < TAP_COUNT(dirs); i++)
		if (mkdir(dirs[i], 0700) < 0)
			abort();
	(void)setenv("HOME", ".", 1);
	(void)snprintf(path, sizeof path, "%s/ca.crt", dirs[TAP_COUNT(dirs) - 1]);
	write_file(path, "home\n", 0);
	ok(load(NULL) == 0 && t.n_ == 6 && memcmp(t.ca_, "home\n\n", 6) == 0, "the directory of the registry in $HOME");
	(void)unlink(path);
	for (i = TAP_COUNT(dirs); i > 0; i--)
		(void)rmdir(dirs[i - 1]);
	ok(load(NULL) == 0 && t.ca_ == NULL && t.cert_ == NULL, "no directory for the registry");
}

int main(void)
{
	char dir[] = "/tmp/tls.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) < 0 || mkdir("d", 0700) < 0)
		return EXIT_FAILURE;
	test_authorities();
	test_limit();
	test_client();
	test_home();
	regtls_free(&t);
	(void)rmdir("d");
	(void)rmdir(dir);
	return tap_end();
}
