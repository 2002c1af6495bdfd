/* Lock files: what is accepted is written and read again with the same values; an error names the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct lock *l)
{
	AUTO_LOCK struct lock again = { 0 };
	AUTO_WORDS struct words names = { 0 };
	struct err e = { 0 };
	char *text = NULL;
	size_t n = 0, i;
	const char *value;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		abort();
	lock_write(f, l, "comment");
	if (fclose(f) != 0 || lock_parse(&again, text, n, "again", &e) < 0 || again.n != l->n)
		abort();
	for (i = 0; i < l->n; i++) {
		value = lock_get(&again, l->v[i].section, l->v[i].key);
		if (value == NULL || strcmp(value, l->v[i].value) != 0)
			abort();
	}
	if (lock_names(l, "image", &names) < 0)
		abort();
	for (i = 0; i < names.n; i++)
		if (names.v[i][0] == '\0' || strpbrk(names.v[i], " \t\n]") != NULL)
			abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_LOCK struct lock l = { 0 };
	struct err e = { 0 };

	/* Reading is quadratic in the number of values. */
	if (n > 65536)
		return 0;
	if (lock_parse(&l, (const char *)data, n, "lock", &e) == 0)
		check(&l);
	else if (strncmp(e.msg, "lock:", 5) != 0 || l.n != 0)
		abort();
	return 0;
}
