/* Large sparse files: their chunks, their digest, copies, and their packed form. */
#include "base/sparse.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "snapshot/frames.h"
#include "tap.h"

static unsigned char chunk[CHUNK_SIZE];

static void test_sizes(void)
{
	ok(chunk_count(0) == 0 && chunk_count(1) == 1, "none, and one");
	ok(chunk_count(CHUNK_SIZE) == 1 && chunk_count(CHUNK_SIZE + 1) == 2, "a whole one, and one more byte");
	ok(chunk_count(UINT64_MAX) == UINT64_MAX / CHUNK_SIZE + 1, "as many as there can be");
	ok(chunk_len(CHUNK_SIZE + 1, 0) == CHUNK_SIZE && chunk_len(CHUNK_SIZE + 1, 1) == 1, "the last one is short");
	ok(chunk_len(CHUNK_SIZE, 0) == CHUNK_SIZE, "or whole");
}

static void test_zero(void)
{
	unsigned char data[70] = { 0 };
	size_t i;
	bool good = true;

	ok(chunk_is_zero(data, 0) && chunk_is_zero(data, 1) && chunk_is_zero(data, sizeof data), "zeros");
	for (i = 0; i < sizeof data; i++) {
		data[i] = 1;
		good = good && !chunk_is_zero(data, sizeof data) && chunk_is_zero(data, i);
		data[i] = 0;
	}
	ok(good, "a byte anywhere");
	(void)memset(data, 7, sizeof data);
	ok(!chunk_is_zero(data, sizeof data) && !chunk_is_zero(data, 1), "all the same is not zero");
}

static int file(void)
{
	int fd = memfd_create("chunks", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

static void put(int fd, off_t at, const char *text)
{
	if (pwrite(fd, text, strlen(text), at) != (ssize_t)strlen(text))
		abort();
}

static const char *digest(int fd, uint64_t size)
{
	static char hex[SHA256_HEX];
	struct err e;

	if (chunks_digest(fd, size, -1, hex, &e) < 0)
		(void)snprintf(hex, sizeof hex, "%.60s", e.msg);
	return hex;
}

static void test_holes(void)
{
	AUTO_CLOSE int fd = file();
	char first[SHA256_HEX];
	struct err e;

	put(fd, 0, "first");
	put(fd, 3 * CHUNK_SIZE + 9, "last");
	ok(chunk_with_data(fd, 0, 4) == 0 && chunk_with_data(fd, 1, 4) == 3, "the chunks with data");
	ok(chunk_with_data(fd, 4, 4) == 4 && chunk_with_data(fd, 1, 2) == 2, "and no more than there are");
	(void)strcpy(first, digest(fd, 3 * CHUNK_SIZE + 13));
	ok(chunk_write(fd, 1, chunk, 1, &e) == 0 && pwrite(fd, chunk, CHUNK_SIZE, CHUNK_SIZE) == CHUNK_SIZE,
	    "a hole becomes zeros");
	ok(chunk_with_data(fd, 1, 4) == 1, "which are data");
	same(digest(fd, 3 * CHUNK_SIZE + 13), first, "the digest stays");
	put(fd, CHUNK_SIZE + 5, "x");
	ok(strcmp(digest(fd, 3 * CHUNK_SIZE + 13), first) != 0, "until it is not zero");
	same(digest(fd, 3 * CHUNK_SIZE + 14), "it was cut short while it was read", "a file that is too short");
	same(digest(-1, 1), "read: Bad file descriptor", "no file");
}

static void test_places(void)
{
	AUTO_CLOSE int a = file(), b = file();
	char first[SHA256_HEX];

	if (ftruncate(a, 3 * CHUNK_SIZE) < 0 || ftruncate(b, 3 * CHUNK_SIZE) < 0)
		abort();
	(void)strcpy(first, digest(a, 3 * CHUNK_SIZE));
	ok(strcmp(digest(a, 3 * CHUNK_SIZE - 1), first) != 0, "zeros of another length are another file");
	put(a, 0, "same");
	put(b, CHUNK_SIZE, "same");
	(void)strcpy(first, digest(a, 3 * CHUNK_SIZE));
	ok(strcmp(digest(b, 3 * CHUNK_SIZE), first) != 0, "the same chunk elsewhere too");
}

static void test_copy(void)
{
	AUTO_CLOSE int a = file(), b = file();
	char first[SHA256_HEX], hex[SHA256_HEX];
	struct err e;
	struct stat st;

	put(a, 100, "begin");
	put(a, 5 * CHUNK_SIZE - 4, "over the edge");
	if (ftruncate(a, 9 * CHUNK_SIZE + 1) < 0)
		abort();
	(void)strcpy(first, digest(a, 9 * CHUNK_SIZE + 1));
	ok(chunks_digest(a, 9 * CHUNK_SIZE + 1, b, hex, &e) == 0, "a copy");
	same(hex, first, "has the digest of what was read");
	same(digest(b, 9 * CHUNK_SIZE + 1), first, "and of what was written");
	ok(fstat(b, &st) == 0 && (uint64_t)st.st_size == 9 * CHUNK_SIZE + 1 && st.st_blocks <= 3 * 128, "and holes");
}

static void test_full(void)
{
	AUTO_CLOSE int a = file();
	AUTO_CLOSE int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	char hex[SHA256_HEX];
	struct err e;

	if (ftruncate(a, 20 * CHUNK_SIZE) < 0)
		abort();
	ok(frames_pack(a, 20 * CHUNK_SIZE, full, hex, &e) < 0, "a full disk ends all threads");
	same(e.msg, "write: No space left on device", "and is named");
}

int main(void)
{
	test_sizes();
	test_zero();
	test_holes();
	test_places();
	test_copy();
	test_full();
	return tap_end();
}
