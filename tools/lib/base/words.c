#include "base/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes ownership of TEXT, even on failure. Fails if TEXT is NULL. */
static int take(struct words *w, char *text)
{
	size_t room = w->room_ == 0 ? 16 : 2 * w->room_;
	char **v;

	if (text == NULL)
		return -1;
	if (w->n == w->room_) {
		v = reallocarray(w->v, room, sizeof *v);
		if (v == NULL) {
			free(text);
			return -1;
		}
		w->v = v;
		w->room_ = room;
	}
	w->v[w->n++] = text;
	return 0;
}

int words_add(struct words *w, const char *text)
{
	return take(w, strdup(text));
}

int words_addf(struct words *w, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? -1 : take(w, text);
}

int words_split(struct words *w, const char *text)
{
	size_t len;

	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		len = strcspn(text, " ");
		if (take(w, strndup(text, len)) < 0)
			return -1;
		text += len;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void words_sort(struct words *w)
{
	size_t i, kept = 0;

	if (w->n == 0)
		return;
	qsort(w->v, w->n, sizeof *w->v, compare);
	for (i = 1; i < w->n; i++)
		if (strcmp(w->v[i], w->v[kept]) == 0)
			free(w->v[i]);
		else
			w->v[++kept] = w->v[i];
	w->n = kept + 1;
}

bool words_has(const struct words *w, const char *text)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (strcmp(w->v[i], text) == 0)
			return true;
	return false;
}

void words_free(struct words *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct words){ 0 };
}
