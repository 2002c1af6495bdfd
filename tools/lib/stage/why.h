/* Explains how two files of a stage's inputs differ (see inputs.h for their lines), and why a stage will run. */
#ifndef KS_STAGE_WHY_H
#define KS_STAGE_WHY_H

#include "base/err.h"
#include "base/words.h"

/*
 * Adds a line to TEXT for each difference between the inputs files OLD and NEW: "file a/b changed",
 * "conf node.memory: 4096M -> 6144M", "need cluster added". Returns 0, or -1: a file cannot be read, or has an invalid
 * line (E gives its number).
 */
int why_differ(struct words *text, const char *old, const char *new, struct err *e);

/*
 * Adds to TEXT whether the stage STAGE with KEY is up to date in the build directory DIR (see runs.h), or what changed
 * since its last run, by inputs/STAGE.KEY. Returns 0 or -1.
 */
int why_run(struct words *text, const char *dir, const char *stage, const char *key, struct err *e);

#endif
