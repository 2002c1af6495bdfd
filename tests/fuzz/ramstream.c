/* An arbitrary migration stream: no page is ever written outside the memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/ram_stream.h"

#define MEMORY (64U << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int in = memfd_create("in", MFD_CLOEXEC), ram = memfd_create("ram", MFD_CLOEXEC);
	char *text = NULL;
	size_t size = 0;
	FILE *rest = open_memstream(&text, &size);
	struct ramstream s = {
		.in = in, .ram = ram, .rest = rest, .block = "mem", .max = MEMORY, .gate = PTHREAD_MUTEX_INITIALIZER
	};
	struct err e = { 0 };
	struct stat st;

	if (in < 0 || ram < 0 || rest == NULL || write(in, data, n) != (ssize_t)n || lseek(in, 0, SEEK_SET) < 0)
		abort();
	if (ramstream_split(&s, &e) == 0) {
		/* The memory is complete, and the rest is no longer than the input. */
		if (fstat(ram, &st) < 0 || (uint64_t)st.st_size != s.size || s.size > MEMORY || s.pages > s.size / 4096)
			abort();
		(void)fflush(rest);
		if (size > n)
			abort();
	} else if (e.msg[0] == '\0') {
		abort();
	}
	if (fstat(ram, &st) < 0 || st.st_size > MEMORY)
		abort();
	(void)fclose(rest);
	free(text);
	(void)close(in);
	(void)close(ram);
	return 0;
}
