/* Programs as inputs of a stage: a line "tool NAME VERSION" each. */
#ifndef KS_STAGE_TOOL_INPUTS_H
#define KS_STAGE_TOOL_INPUTS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/words.h"

struct tool_inputs {
	const char *top; /* the top directory of the checkout */
	const char *bin; /* the directory of the compiled tools; NULL: kubestamp's version is used instead */
	const struct words *versions; /* "NAME VERSION" of programs that are not kubestamp's */
};

/* Is NAME one of kubestamp's own tools, with its source in TOP/tools, or NAME.so a library of TOP/tools/preload? */
bool tool_is_own(const struct tool_inputs *t, const char *name);

/*
 * Adds the line of the program NAME to LINES. The version of an own tool is the SHA-256 of the compiled program, so that
 * its sources, the compiler and its options count; of others it is that in VERSIONS, or "none". "all" adds all own
 * tools and preloaded libraries. Returns 0, or -1 if a program cannot be read, or when out of memory.
 */
int tool_inputs_add(const struct tool_inputs *t, struct words *lines, const char *name, struct err *e);

#endif
