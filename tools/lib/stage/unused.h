/* What no current key names, for make gc: earlier runs of stages (see runs.h), and what belongs to them. */
#ifndef KS_STAGE_UNUSED_H
#define KS_STAGE_UNUSED_H

#include <stddef.h>

#include "base/err.h"
#include "base/words.h"

/*
 * DIR is the provider's build directory; RUNS are the N current runs, STAGE.KEY each. Adds lines to UNUSED, sorted:
 *	file NAME	the inputs or the lock of another run
 *	image NAME	an image that another run loaded into the container engine (its file engine-images), and no
 *			current one
 *	run NAME	the directory of another run
 * Each NAME but an image's is relative to DIR. Returns 0 or -1.
 */
int unused_list(struct words *unused, const char *dir, char *const *runs, size_t n, struct err *e);

#endif
