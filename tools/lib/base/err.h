/* Errors as values: a function that fails returns -1 and says why in a struct err that its caller owns. */
#ifndef KS_BASE_ERR_H
#define KS_BASE_ERR_H

#include <stdarg.h>

struct err {
	char msg[1024]; /* one line, lower case, no newline at its end; empty: no error */
};

/* Sets the text of E (cut at its size). Returns -1 always, so that "return err_set(...)" reads well. */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As err_set, followed by ": " and the text of errno. Returns -1 always. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "TEXT: " in front of what E says, for a caller that knows the object. Returns -1 always. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says "out of memory". Returns -1 always. */
int err_no_memory(struct err *e);

#endif
