/*
 * Strict reading of ini files, on top of libinih. Version 55 cuts lines at 200 bytes, and names at 50, without a
 * word, goes on after errors, and takes the last of several equal keys: here each of these is an error with its line.
 *
 * A line whose first character is not a space or tab is "[SECTION]" or "KEY = VALUE" (or "KEY : VALUE"). White space
 * around key and value is not part of them. An indented line goes on with the value above it in the same section. A
 * comment is a line that starts with ";" or "#", or the rest of a line from a ";" that follows white space.
 */
#ifndef KS_PROVIDER_INI_H
#define KS_PROVIDER_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/* One line of a file; its texts are valid during the call that gets it. */
struct iniline {
	const char *file;
	int line;            /* from 1 */
	const char *section; /* "" before the first section; at most 49 bytes */
	const char *key;     /* at most 49 bytes, not empty; NULL for the heading of a section */
	const char *value;   /* may be empty; NULL for the heading of a section */
	bool continuation;   /* an indented line: VALUE is more text for KEY */
};

/* Takes a line. Returns 0, or -1 to end the reading with that error. */
typedef int inifile_fn(const struct iniline *l, void *arg, struct err *e);

struct inifile {
	FILE *f;          /* read to its end; not closed */
	const char *name; /* what errors call it */
	inifile_fn *with;
	inifile_fn *section; /* gets the headings; may be NULL */
	void *arg;           /* for both */
};

/*
 * Calls IN->with for every key and every continuation line, in order. Returns 0, or -1: the file cannot be read, a
 * line is longer than 198 bytes or has a NUL, a name is too long or empty, text follows a heading, an indented line
 * has no key above it, there is neither "=" nor ":", or a section has a key twice. A key that ends with "+"
 * ("key += more") may come often. The error reads "FILE:LINE: SECTION.KEY: what" or "FILE:LINE: what". Lines before
 * the error have been delivered by then: a caller must not use what it has collected when -1 is returned.
 * Bytes in memory are read with fmemopen(3).
 */
int inifile_parse(const struct inifile *in, struct err *e);

/* The same for the file PATH; headings are not delivered. Returns 0 or -1. */
int inifile_read(const char *path, inifile_fn *with, void *arg, struct err *e);

/* "FILE:LINE: SECTION.KEY: TEXT" for an error that is about L. Returns -1 always. */
int inifile_err(const struct iniline *l, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
