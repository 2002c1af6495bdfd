/* An argument vector that grows, for exec. */
#ifndef KS_BASE_ARGS_H
#define KS_BASE_ARGS_H

#include <stdbool.h>
#include <stddef.h>

/* Start with zeros. V ends with NULL once something was added. FAILED: out of memory; it stays set. */
struct args {
	char **v;
	size_t n;
	bool failed;
};

/* Adds one argument. Does nothing when FAILED is set already. */
void args_add(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Frees all; A is then as new. */
void args_free(struct args *a);

#endif
