/* An argument vector for exec that grows as words are added. */
#ifndef KS_BASE_ARGS_H
#define KS_BASE_ARGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Initialize to zero. V ends with NULL once an argument was added. FAILED is set when memory runs out, and stays set,
 * so that one check after the last args_add is enough.
 */
struct args {
	char **v;
	size_t n;
	bool failed;
};

/* Adds one argument; does nothing once FAILED is set. */
void args_add(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Frees all arguments and resets A to zero. */
void args_free(struct args *a);

#endif
