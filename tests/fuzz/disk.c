/* The documents of a disk, as a registry may send them: manifest, NUL, configuration. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "disk/artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Checks that every window is within the disk, and after the previous one. */
static void check(const struct disk *d)
{
	uint64_t at = 0;
	size_t i;

	for (i = 0; i < d->n; i++) {
		const struct disk_window *w = &d->v[i];

		if (w->offset < at || w->len == 0 || w->len > DISK_WINDOW || w->offset >= d->size ||
		    w->len > d->size - w->offset || strlen(w->raw) != SHA256_HEX - 1 ||
		    strlen(w->hex) != SHA256_HEX - 1)
			abort();
		at = w->offset + w->len;
	}
}

/* Checks that writing and parsing it again gives the same disk. */
static void write_again(const struct disk *d)
{
	json_t *config = disk_config(d),
	       *manifest = disk_manifest(d, document_new_desc(DISK_MEDIA_CONFIG, "00", 1), NULL);
	char *text = config != NULL ? document_dump(config) : NULL;
	struct disk again;
	struct err e;

	if (text == NULL || manifest == NULL || disk_parse(&again, manifest, text, strlen(text), &e) < 0 ||
	    again.n != d->n || again.size != d->size || (d->n > 0 && memcmp(again.v, d->v, d->n * sizeof *d->v) != 0))
		abort();
	disk_free(&again);
	json_decref(config);
	json_decref(manifest);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	size_t len = strnlen(text, n), rest = len < n ? len + 1 : n;
	struct disk_index x = { 0 };
	struct err e = { 0 };
	struct disk d;
	json_t *manifest = document_parse_manifest(text, len, &e);
	size_t i;

	if (manifest == NULL)
		return 0;
	if (disk_parse(&d, manifest, text + rest, n - rest, &e) == 0) {
		check(&d);
		write_again(&d);
		if (disk_index(&x, &d, &e) < 0)
			abort();
		for (i = 0; i < d.n; i++)
			if (disk_find(&x, d.v[i].raw) == NULL)
				abort();
		free(x.v);
	} else if (e.msg[0] == '\0') {
		abort();
	}
	disk_free(&d);
	json_decref(manifest);
	return 0;
}
