/* Tar archives in memory. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/ustar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* A copy of exactly this size, so that a sanitizer detects reads beyond its end. */
	unsigned char *copy = malloc(n > 0 ? n : 1);
	struct ustar t = { copy, n };
	struct ustar_entry f;
	struct err e = { 0 };
	int more;

	if (copy == NULL)
		return 0;
	(void)memcpy(copy, data, n);
	while ((more = ustar_next(&t, &f, &e)) > 0)
		if (f.name[0] == '/' || strncmp(f.name, "../", 3) == 0 || strstr(f.name, "/../") != NULL ||
		    (f.dir && f.n > 0) || memcmp(f.data, data + (f.data - copy), f.n) != 0)
			abort();
	if (more < 0 && e.msg[0] == '\0')
		abort();
	free(copy);
	return 0;
}
