/*
 * Files of settings, the format of mk/sh/common/conf.sh: besides empty lines and comments, lines
 *
 *	NAME=VALUE                  # ORIGIN
 *	NAME=(VALUE VALUE ...)
 *
 * VALUE is a word of letters, digits and ./:@%+,=_- or a string in single quotes, in which a single quote is written
 * '\''. A backslash before any other character, as printf %q of bash writes it, is read too. bash can source such a
 *file.
 */
#ifndef KS_BASE_CONF_H
#define KS_BASE_CONF_H

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

struct conf_line {
	char *name, *value; /* the values of a list, with blanks between them */
	char *origin;       /* where the value comes from; NULL: unknown */
};

/* Initialize to zero. */
struct conf {
	struct conf_line *v; /* in the order of their first appearance */
	size_t n;
};

/* Adds the lines of TEXT, N bytes of the file PATH. Returns 0, or -1 with PATH and the number of the line in E. */
int conf_parse(struct conf *c, const char *text, size_t n, const char *path, struct err *e);

/* The same for the file PATH. */
int conf_load(struct conf *c, const char *path, struct err *e);

/* The line of NAME, or NULL. */
const struct conf_line *conf_find(const struct conf *c, const char *name);

/*
 * Sets NAME to VALUE, which comes from ORIGIN or, if that is NULL, from an unknown place. Returns 0, or -1 if a text
 * has more than one line, or when out of memory.
 */
int conf_set(struct conf *c, const char *name, const char *value, const char *origin, struct err *e);

/* Writes the lines to F, none of them as a list. Check for errors with ferror(F). */
void conf_write(FILE *f, const struct conf *c);

void conf_free(struct conf *c);

#define AUTO_CONF __attribute__((cleanup(conf_free))) /* struct conf c = { 0 }; freed at the end of its scope */

#endif
