/* Quoting for the shell and for make. */
#ifndef KS_BASE_QUOTE_H
#define KS_BASE_QUOTE_H

#include <stdio.h>

/* Writes one line of text as one shell word, in single quotes. Check for errors with ferror(F). */
void quote_sh(FILE *f, const char *text);

/* Writes one line of text, which has no blanks at its ends, as the value of a GNU make variable (NAME := ...). */
void quote_make(FILE *f, const char *text);

#endif
