/* Making directories. */
#include "base/mkdirs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static bool is_dir(const char *path, mode_t mode)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == mode;
}

static void made(void)
{
	struct err e;
	FILE *f;

	(void)umask(0);
	ok(mkdirs_above("a/b/c", 0700, &e) == 0 && is_dir("a/b", 0700) && !is_dir("a/b/c", 0700), "parents only");
	ok(mkdirs("a/b/c", 0755, &e) == 0 && is_dir("a/b/c", 0755) && is_dir("a", 0700),
	    "existing ones keep their mode");
	ok(mkdirs("a/b/c", 0755, &e) == 0 && mkdirs_above("a", 0755, &e) == 0, "nothing is missing");
	ok(mkdirs("d//e/", 0755, &e) == 0 && is_dir("d/e", 0755), "more slashes than needed");
	ok(mkdirs("./f/g", 0755, &e) == 0 && is_dir("f/g", 0755), "a path with a dot");
	f = fopen("file", "we");
	ok(f != NULL && fclose(f) == 0 && mkdirs_above("file/a/b", 0755, &e) < 0, "a file in the way");
	same(e.msg, "file/a: Not a directory", "the error names the path");
}

int main(void)
{
	char dir[] = "/tmp/mkdirs.XXXXXX";
	int status;

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return EXIT_FAILURE;
	made();
	status = tap_end();
	(void)unlink("file");
	(void)rmdir("a/b/c"), (void)rmdir("a/b"), (void)rmdir("a");
	(void)rmdir("d/e"), (void)rmdir("d"), (void)rmdir("f/g"), (void)rmdir("f");
	(void)rmdir(dir);
	return status;
}
