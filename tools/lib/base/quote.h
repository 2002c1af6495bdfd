/* Texts as the shell and make read them. */
#ifndef KS_BASE_QUOTE_H
#define KS_BASE_QUOTE_H

#include <stdio.h>

/* Writes one line of text as one word of sh, between single quotes. Errors stay in F (ferror). */
void quote_sh(FILE *f, const char *text);

/* Writes one line of text, without blanks at its ends, as the value of a variable of GNU make (NAME := ...). */
void quote_make(FILE *f, const char *text);

#endif
