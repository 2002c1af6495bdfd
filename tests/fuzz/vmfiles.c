/* The manifest of a saved state directory, which may have come from anywhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/dir.h"
#include "snapshot/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is found becomes a file name and a size. */
static void check(const struct vmform *form)
{
	if (strchr(form->name, '/') != NULL || strcmp(form->name, "..") == 0 || strcmp(form->name, ".") == 0 ||
	    form->name[0] == '\0' || strcmp(form->name, VMDIR_MANIFEST) == 0 || form->size > INT64_MAX / 2 ||
	    strspn(form->digest, "0123456789abcdef") != SHA256_HEX - 1 || strlen(form->digest) != SHA256_HEX - 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct vmfiles f = { 0 }, again = { 0 };
	struct err e = { 0 };
	char *text, *second;
	size_t i;

	if (vmfiles_parse(&f, (const char *)data, n, &e) < 0) {
		if (f.v != NULL || f.n != 0 || e.msg[0] == '\0')
			abort();
		return 0;
	}
	for (i = 0; i < f.n; i++) {
		check(&f.v[i].raw);
		if (f.v[i].packed.name != NULL)
			check(&f.v[i].packed);
	}
	/* What is written is what was read. */
	text = vmfiles_dump(&f);
	if (text == NULL || vmfiles_parse(&again, text, strlen(text), &e) < 0)
		abort();
	second = vmfiles_dump(&again);
	if (second == NULL || strcmp(text, second) != 0 || again.n != f.n)
		abort();
	free(text);
	free(second);
	vmfiles_free(&f);
	vmfiles_free(&again);
	return 0;
}
