/*
 * Where a stage that works through a list of files (incremental_files in provider.ini(5), such as manifests) can start:
 * from the checkpoint of an earlier run whose list is the beginning of the new one.
 */
#ifndef KS_STAGE_INCREMENTAL_H
#define KS_STAGE_INCREMENTAL_H

#include "base/err.h"
#include "base/words.h"

/*
 * DIR is the provider's build directory, with inputs/STAGE.KEY (see inputs.h) and, for each stage that has run,
 * NAME.KEY/ with inputs, stamp and perhaps checkpoint/. Looks for the run of STAGE with the longest list that is the
 * beginning of the list of KEY, whose files are the same, and whose other inputs are the same. Adds its checkpoint to
 * START, or that of a stage that needs that run, where the machine has settled; then the words of its list. START stays
 * empty if there is no such run, or if the stage does not have exactly one list. Returns 0, or -1: inputs/STAGE.KEY
 * cannot be read, or its pattern is not valid.
 */
int incremental_start(struct words *start, const char *dir, const char *stage, const char *key, struct err *e);

#endif
