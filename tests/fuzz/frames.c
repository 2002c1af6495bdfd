/* The packed form of a large file, from an untrusted source. The first byte selects the expected size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sparse.h"
#include "snapshot/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int memory(void)
{
	int fd = memfd_create("frames", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

/* TO has the size and the digest that were returned, and survives packing and unpacking again. */
static void check(int to, uint64_t size, const char *hex)
{
	char other[SHA256_HEX];
	struct err e;
	struct stat st;
	int packed = memory(), raw = memory();

	if (fstat(to, &st) < 0 || (uint64_t)st.st_size != size)
		abort();
	if (blocks_digest(to, size, -1, other, &e) < 0 || strcmp(hex, other) != 0)
		abort();
	if (frames_pack(to, size, packed, other, &e) < 0 || strcmp(hex, other) != 0)
		abort();
	if (lseek(packed, 0, SEEK_SET) != 0 || frames_unpack(packed, size, raw, other, &e) < 0 ||
	    strcmp(hex, other) != 0)
		abort();
	(void)close(packed);
	(void)close(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint64_t sizes[] = { 0, 1, 5, 70000, SPARSE_BLOCK, SPARSE_BLOCK + 1, 2 * SPARSE_BLOCK,
		3 * SPARSE_BLOCK + 7 };
	int from = memory(), to = memory();
	char hex[SHA256_HEX];
	struct err e = { 0 };
	uint64_t size;

	if (n > 0) {
		size = sizes[data[0] % (sizeof sizes / sizeof *sizes)];
		if (write(from, data + 1, n - 1) != (ssize_t)(n - 1) || lseek(from, 0, SEEK_SET) != 0)
			abort();
		if (frames_unpack(from, size, to, hex, &e) == 0)
			check(to, size, hex);
		else if (e.msg[0] == '\0')
			abort();
	}
	(void)close(from);
	(void)close(to);
	return 0;
}
