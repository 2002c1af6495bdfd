/* Large sparse files: blocks, digests, copies, and the packed form. */
#include "base/sparse.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "snapshot/frames.h"
#include "tap.h"

static unsigned char block[SPARSE_BLOCK];

static void test_sizes(void)
{
	ok(block_count(0) == 0 && block_count(1) == 1, "no block, and one");
	ok(block_count(SPARSE_BLOCK) == 1 && block_count(SPARSE_BLOCK + 1) == 2, "a full block, and one byte more");
	ok(block_count(UINT64_MAX) == UINT64_MAX / SPARSE_BLOCK + 1, "the largest file");
	ok(block_len(SPARSE_BLOCK + 1, 0) == SPARSE_BLOCK && block_len(SPARSE_BLOCK + 1, 1) == 1,
	    "the last block is short");
	ok(block_len(SPARSE_BLOCK, 0) == SPARSE_BLOCK, "or full");
}

static void test_zero(void)
{
	unsigned char data[70] = { 0 };
	size_t i;
	bool good = true;

	ok(block_is_zero(data, 0) && block_is_zero(data, 1) && block_is_zero(data, sizeof data), "zeros");
	for (i = 0; i < sizeof data; i++) {
		data[i] = 1;
		good = good && !block_is_zero(data, sizeof data) && block_is_zero(data, i);
		data[i] = 0;
	}
	ok(good, "any byte that is not zero is found");
	(void)memset(data, 7, sizeof data);
	ok(!block_is_zero(data, sizeof data) && !block_is_zero(data, 1), "equal bytes other than zero are not zero");
}

static int file(void)
{
	int fd = memfd_create("blocks", MFD_CLOEXEC);

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

	if (blocks_digest(fd, size, -1, hex, &e) < 0)
		(void)snprintf(hex, sizeof hex, "%.60s", e.msg);
	return hex;
}

static void test_holes(void)
{
	AUTO_CLOSE int fd = file();
	char first[SHA256_HEX];
	struct err e;

	put(fd, 0, "first");
	put(fd, 3 * SPARSE_BLOCK + 9, "last");
	ok(block_with_data(fd, 0, 4) == 0 && block_with_data(fd, 1, 4) == 3, "the blocks with data");
	ok(block_with_data(fd, 4, 4) == 4 && block_with_data(fd, 1, 2) == 2, "up to the count");
	(void)strcpy(first, digest(fd, 3 * SPARSE_BLOCK + 13));
	ok(block_write(fd, 1, block, 1, &e) == 0 && pwrite(fd, block, SPARSE_BLOCK, SPARSE_BLOCK) == SPARSE_BLOCK,
	    "zeros are written into a hole");
	ok(block_with_data(fd, 1, 4) == 1, "they are data");
	same(digest(fd, 3 * SPARSE_BLOCK + 13), first, "the digest stays the same");
	put(fd, SPARSE_BLOCK + 5, "x");
	ok(strcmp(digest(fd, 3 * SPARSE_BLOCK + 13), first) != 0, "until a byte is not zero");
	same(digest(fd, 3 * SPARSE_BLOCK + 14), "file shrank while it was being read", "a file that is too short");
	same(digest(-1, 1), "read: Bad file descriptor", "no file");
}

static void test_places(void)
{
	AUTO_CLOSE int a = file(), b = file();
	char first[SHA256_HEX];

	if (ftruncate(a, 3 * SPARSE_BLOCK) < 0 || ftruncate(b, 3 * SPARSE_BLOCK) < 0)
		abort();
	(void)strcpy(first, digest(a, 3 * SPARSE_BLOCK));
	ok(strcmp(digest(a, 3 * SPARSE_BLOCK - 1), first) != 0, "zeros of another length have another digest");
	put(a, 0, "same");
	put(b, SPARSE_BLOCK, "same");
	(void)strcpy(first, digest(a, 3 * SPARSE_BLOCK));
	ok(strcmp(digest(b, 3 * SPARSE_BLOCK), first) != 0, "so is the same block at another place");
}

static void test_copy(void)
{
	AUTO_CLOSE int a = file(), b = file();
	char first[SHA256_HEX], hex[SHA256_HEX];
	struct err e;
	struct stat st;

	put(a, 100, "begin");
	put(a, 5 * SPARSE_BLOCK - 4, "over the edge");
	if (ftruncate(a, 9 * SPARSE_BLOCK + 1) < 0)
		abort();
	(void)strcpy(first, digest(a, 9 * SPARSE_BLOCK + 1));
	ok(blocks_digest(a, 9 * SPARSE_BLOCK + 1, b, hex, &e) == 0, "a copy");
	same(hex, first, "has the digest of the source");
	same(digest(b, 9 * SPARSE_BLOCK + 1), first, "and so has what was written");
	ok(fstat(b, &st) == 0 && (uint64_t)st.st_size == 9 * SPARSE_BLOCK + 1 && st.st_blocks <= 3 * 128, "and holes");
}

static void test_full(void)
{
	AUTO_CLOSE int a = file();
	AUTO_CLOSE int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	char hex[SHA256_HEX];
	struct err e;

	if (ftruncate(a, 20 * SPARSE_BLOCK) < 0)
		abort();
	ok(frames_pack(a, 20 * SPARSE_BLOCK, full, hex, &e) < 0, "a full disk stops all threads");
	same(e.msg, "write: No space left on device", "with its error");
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
