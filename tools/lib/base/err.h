/* Errors as values: a function that fails returns -1 and puts the reason into a struct err of its caller. */
#ifndef KS_BASE_ERR_H
#define KS_BASE_ERR_H

#include <stdarg.h>

struct err {
	char msg[1024]; /* one line in lower case, without a newline; empty if there was no error */
};

/* Sets the text of E, truncated to its size. Always returns -1, so that callers can "return err_set(...)". */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Like err_set, followed by ": " and the text of errno. Always returns -1. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "TEXT: " in front of the text of E, typically the name of the object. Always returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the text of E to "out of memory". Always returns -1. */
int err_no_memory(struct err *e);

#endif
