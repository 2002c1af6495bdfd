/* Settings files: accepted ones read back the same after they are written; errors give the line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void same(const struct conf_line *a, const struct conf_line *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->value, b->value) != 0 ||
	    (a->origin == NULL) != (b->origin == NULL) || (a->origin != NULL && strcmp(a->origin, b->origin) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_CONF struct conf c = { 0 }, again = { 0 };
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	size_t size = 0, i;
	FILE *f;

	if (conf_parse(&c, (const char *)data, n, "in", &e) < 0) {
		if (strncmp(e.msg, "in:", 3) != 0)
			abort();
		return 0;
	}
	f = open_memstream(&text, &size);
	if (f == NULL)
		abort();
	conf_write(f, &c);
	if (fclose(f) != 0 || conf_parse(&again, text, size, "again", &e) < 0 || again.n != c.n)
		abort();
	for (i = 0; i < c.n; i++)
		same(&c.v[i], &again.v[i]);
	return 0;
}
