/* The manifest of a saved machine, from an untrusted source. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Names are used as file names, and sizes as file sizes. */
static void check(const struct saved_form *form)
{
	if (strchr(form->name, '/') != NULL || strcmp(form->name, "..") == 0 || strcmp(form->name, ".") == 0 ||
	    form->name[0] == '\0' || strcmp(form->name, SAVED_MANIFEST) == 0 || form->size > INT64_MAX / 2 ||
	    strspn(form->digest, "0123456789abcdef") != SHA256_HEX - 1 || strlen(form->digest) != SHA256_HEX - 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct manifest f = { 0 }, again = { 0 };
	struct err e = { 0 };
	char *text, *second;
	size_t i;

	if (manifest_parse(&f, (const char *)data, n, &e) < 0) {
		if (f.v != NULL || f.n != 0 || e.msg[0] == '\0')
			abort();
		return 0;
	}
	for (i = 0; i < f.n; i++) {
		check(&f.v[i].raw);
		if (f.v[i].packed.name != NULL)
			check(&f.v[i].packed);
	}
	/* What is dumped parses to the same. */
	text = manifest_dump(&f);
	if (text == NULL || manifest_parse(&again, text, strlen(text), &e) < 0)
		abort();
	second = manifest_dump(&again);
	if (second == NULL || strcmp(text, second) != 0 || again.n != f.n)
		abort();
	free(text);
	free(second);
	manifest_free(&f);
	manifest_free(&again);
	return 0;
}
