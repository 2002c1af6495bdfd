/* Image references. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1), *dir;
	const char *tag;
	struct err e = { .msg = "" };
	struct ref r;

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, n);
	text[n] = '\0';
	if (ref_parse(&r, text, &e) == 0) {
		/* All parts go into a URL. */
		if (strpbrk(r.host, "/@?#% \r\n\\") != NULL || strpbrk(r.repo, ":@?#% \r\n\\.\"") == r.repo)
			abort();
		if (strstr(r.repo, "..") != NULL || strstr(r.repo, "//") != NULL)
			abort();
		if (r.tag != NULL && strpbrk(r.tag, "/:@?#% \r\n") != NULL)
			abort();
		if (r.hex != NULL && strlen(r.hex) != 64)
			abort();
	} else if (e.msg[0] == '\0') {
		abort();
	}
	ref_free(&r);
	dir = ref_layout(text, &tag);
	if (dir != NULL && tag != NULL && strlen(dir) + 1 + strlen(tag) != strlen(text))
		abort();
	free(dir);
	free(text);
	return 0;
}
