/* Reading whole files: sizes around the limit and the first buffer, pipes, and errors. */
#include "base/readfile.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tap.h"

static char text[100000];

static void write_file(const char *path, size_t n)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fwrite(text, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static void test_sizes(const char *path)
{
	static const size_t sizes[] = { 0, 1, 4096, 32767, 32768, 32769, 65536, 65537, 100000 };
	struct err e = { .msg = "" };
	size_t i, n;

	for (i = 0; i < TAP_COUNT(sizes); i++) {
		AUTO_FREE char *data = NULL;
		AUTO_FREE char *same_size = NULL;

		write_file(path, sizes[i]);
		ok(read_file(path, READ_FILE_MAX, &data, &n, &e) == 0 && n == sizes[i] && memcmp(data, text, n) == 0 &&
			data[n] == '\0',
		    "%zu bytes", sizes[i]);
		ok(read_file(path, sizes[i], &same_size, &n, &e) == 0 && n == sizes[i], "as many as are allowed");
	}
}

static void test_limit(const char *path)
{
	char *data = NULL, want[128];
	struct err e = { .msg = "" };
	size_t n;

	write_file(path, 1001);
	ok(read_file(path, 1000, &data, &n, &e) == -1 && data == NULL, "one byte too many");
	(void)snprintf(want, sizeof want, "%s: more than 1000 bytes", path);
	same(e.msg, want, "the error");
	ok(read_file(path, 0, &data, &n, &e) == -1 && data == NULL, "a limit of 0");
	ok(read_file("/no/such/file", 10, &data, &n, &e) == -1, "no file");
	same(e.msg, "/no/such/file: No such file or directory", "the error");
	ok(read_file("/", 10, &data, &n, &e) == -1, "a directory");
	same(e.msg, "/: Is a directory", "the error");
}

static void test_fd(const char *path)
{
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *rest = NULL;
	AUTO_FREE char *piped = NULL;
	struct err e = { .msg = "" };
	int ends[2];
	size_t n;

	write_file(path, 5000);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || lseek(fd, 4000, SEEK_SET) != 4000 || pipe2(ends, O_CLOEXEC) < 0)
		abort();
	ok(read_fd(fd, "it", 1000, &rest, &n, &e) == 0 && n == 1000 && memcmp(rest, text + 4000, n) == 0,
	    "from the offset of a descriptor");
	if (write(ends[1], "ab", 2) != 2 || write(ends[1], "\0c", 2) != 2 || close(ends[1]) < 0)
		abort();
	ok(read_fd(ends[0], "pipe", 10, &piped, &n, &e) == 0 && n == 4 && memcmp(piped, "ab\0c", 5) == 0, "a pipe");
	(void)close(ends[0]);
	ok(read_fd(-1, "it", 10, &piped, &n, &e) == -1, "a bad descriptor");
	same(e.msg, "it: Bad file descriptor", "the error");
}

static void test_head(const char *path)
{
	char head[8];

	write_file(path, 3);
	read_file_head(path, head, sizeof head);
	same(head, "aaa", "the head of a short file is all of it");
	write_file(path, 100);
	read_file_head(path, head, sizeof head);
	same(head, "aaaaaaa", "the head of a longer one is as much as fits");
	read_file_head("/no/such/file", head, sizeof head);
	same(head, "", "no file");
}

int main(void)
{
	char path[] = "/tmp/readfile.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		abort();
	(void)close(fd);
	(void)memset(text, 'a', sizeof text);
	test_sizes(path);
	test_limit(path);
	test_fd(path);
	test_head(path);
	(void)unlink(path);
	return tap_end();
}
