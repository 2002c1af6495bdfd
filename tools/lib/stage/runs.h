/*
 * The runs of stages: directories STAGE.KEY in the provider's build directory, with stamp once the stage has completed,
 * inputs (see inputs.h), log, and perhaps checkpoint/. KEY is the first digits of the key.
 */
#ifndef KS_STAGE_RUNS_H
#define KS_STAGE_RUNS_H

#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "base/words.h"

/*
 * Adds the names in the build directory DIR that can be runs to NAMES, sorted; with STAGE, only those of its runs.
 * Returns 0 or -1.
 */
int runs_list(struct words *names, const char *dir, const char *stage, struct err *e);

/* The number of a key's digits in the name of a run. */
enum { RUN_KEY_DIGITS = 16 };

/* Does the run NAME have the file WHAT? Sets MTIME, unless that is NULL, to when that was last changed. */
bool run_has(const char *dir, const char *name, const char *what, struct timespec *mtime);

#endif
