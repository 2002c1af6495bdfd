/* The documents of an OCI image, as other programs and registries may write them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "oci/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The digest may become part of a file name: it must be 64 digits. */
static int check(const struct document_desc *d, void *arg)
{
	(void)arg;
	if (d->media == NULL || strspn(d->hex, "0123456789abcdef") != SHA256_HEX - 1 ||
	    strlen(d->hex) != SHA256_HEX - 1)
		abort();
	return 0;
}

static void use_index(json_t *index)
{
	struct err e;

	(void)document_find(index, "x:1");
	if (document_set(index, "x:1", document_new_desc(OCI_MEDIA_MANIFEST, "00", 1)) < 0 ||
	    document_find(index, "x:1") == NULL)
		abort();
	free(document_dump(index));
	/* Any object will do as edits. */
	json_t *config = json_pack("{s:[s], s:{}}", "Env", "A=1", "manifests");

	(void)document_edit(config, index, &e);
	json_decref(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	json_t *(*const parsers[])(const char *, size_t, struct err *) = { document_parse_index,
		document_parse_manifest, document_parse_config };
	struct err e = { 0 };
	size_t i;

	for (i = 0; i < sizeof parsers / sizeof *parsers; i++) {
		json_t *j = parsers[i]((const char *)data, n, &e);

		if (j == NULL)
			continue;
		(void)document_each_desc(j, check, NULL);
		if (parsers[i] == document_parse_index)
			use_index(j);
		else
			free(document_dump(j));
		json_decref(j);
	}
	return 0;
}
