#include "base/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void args_add(struct args *a, const char *fmt, ...)
{
	char *word = NULL;
	char **v;
	va_list ap;

	if (a->failed)
		return;
	v = realloc(a->v, (a->n + 2) * sizeof *v);
	if (v == NULL) {
		a->failed = true;
		return;
	}
	a->v = v;
	v[a->n] = NULL;
	va_start(ap, fmt);
	if (vasprintf(&word, fmt, ap) < 0) {
		a->failed = true;
		word = NULL;
	}
	va_end(ap);
	if (a->failed)
		return;
	v[a->n++] = word;
	v[a->n] = NULL;
}

void args_free(struct args *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	*a = (struct args){ 0 };
}
