/* A growing list of strings. */
#ifndef KS_BASE_WORDS_H
#define KS_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Initialize to zero. The strings are copies; each keeps its address until words_free or words_sort. */
struct words {
	char **v;
	size_t n, room_;
};

/* These return 0, or -1 when out of memory; words that were added before stay. */
int words_add(struct words *w, const char *text);
int words_addf(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds the space-separated words of TEXT. */
int words_split(struct words *w, const char *text);

/* Sorts by byte values, independent of the locale, and removes duplicates. */
void words_sort(struct words *w);

bool words_has(const struct words *w, const char *text);

/* Frees the strings and empties the list. */
void words_free(struct words *w);

#define AUTO_WORDS __attribute__((cleanup(words_free))) /* struct words w = { 0 }; freed at the end of its scope */

#endif
