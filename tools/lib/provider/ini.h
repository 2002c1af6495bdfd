/*
 * Strict reading of INI files with libinih. By itself libinih 55 silently truncates lines at 200 bytes and names at 50,
 * continues after errors, and takes the last of several equal keys. Here each of these is an error with its line.
 *
 * A line that is not indented is "[SECTION]" or "KEY = VALUE" (or "KEY : VALUE"). White space around key and value is
 * ignored. An indented line continues the value above it in the same section. A comment is a line that starts with ";"
 * or "#", or the rest of a line from a ";" that follows white space.
 */
#ifndef KS_PROVIDER_INI_H
#define KS_PROVIDER_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/* One line of a file. The strings are valid only during the call. */
struct iniline {
	const char *file;
	int line;            /* from 1 */
	const char *section; /* "" before the first section; at most 49 bytes */
	const char *key;     /* at most 49 bytes, not empty; NULL for the heading of a section */
	const char *value;   /* may be empty; NULL for the heading of a section */
	bool continuation;   /* an indented line: VALUE continues the value of KEY */
};

/* Is called with a line. Returns 0, or -1 to stop with that error. */
typedef int inifile_fn(const struct iniline *l, void *arg, struct err *e);

struct inifile {
	FILE *f;          /* read to its end; not closed */
	const char *name; /* its name in errors */
	inifile_fn *with;
	inifile_fn *section; /* called with the headings; may be NULL */
	void *arg;           /* for both */
};

/*
 * Calls IN->with for every key and every continuation line, in order. Returns 0, or -1: the file cannot be read, a
 * line is longer than 198 bytes or has a NUL, a name is too long or empty, text follows a heading, an indented line
 * has no key above it, there is neither "=" nor ":", or a section has a key twice. A key that ends with "+"
 * ("key += more") can occur more than once. The error is "FILE:LINE: SECTION.KEY: what" or "FILE:LINE: what". The lines
 * before the error have been delivered by then: after -1 the caller must discard what it has collected.
 * To read from memory use fmemopen(3).
 */
int inifile_parse(const struct inifile *in, struct err *e);

/* The same for the file PATH, without the headings. Returns 0 or -1. */
int inifile_read(const char *path, inifile_fn *with, void *arg, struct err *e);

/* Sets E to "FILE:LINE: SECTION.KEY: TEXT" for the line L. Always returns -1. */
int inifile_err(const struct iniline *l, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
