/* Changing one value of an INI file; comments, order and all other lines stay as they are. */
#ifndef KS_PROVIDER_INI_EDIT_H
#define KS_PROVIDER_INI_EDIT_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes the N bytes of the INI file TEXT to F with "KEY = VALUE" in [SECTION]: in place of the value that is there,
 * with its continuation lines; else at the end of the section, or in a new section at the end. Errors stay in F
 * (ferror).
 */
void ini_edit(FILE *f, const char *text, size_t n, const char *section, const char *key, const char *value);

#endif
