/* Changing a value of an INI file; comments, order and all other lines stay as they are. */
#ifndef KS_PROVIDER_INI_EDIT_H
#define KS_PROVIDER_INI_EDIT_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes the N bytes of the INI file TEXT to F with "KEY = VALUE" in [SECTION]: in place of the value that is there,
 * with its continuation lines; else at the end of the section, or in a new section at the end. A value that is too
 * long for a line gets continuation lines. Errors stay in F (ferror).
 */
void ini_edit(FILE *f, const char *text, size_t n, const char *section, const char *key, const char *value);

struct ini_word {
	const char *section, *key;
	const char *old, *with; /* words without blanks */
};

/*
 * Writes the N bytes of the INI file TEXT to F with the word WITH in place of each word OLD of the key's value: in lines
 * "KEY = VALUE" and "KEY += VALUE" and their continuation lines. Returns how many there were. Errors stay in F (ferror).
 */
size_t ini_replace_word(FILE *f, const char *text, size_t n, const struct ini_word *w);

#endif
