/* The values of a provider that a stage's script may use. */
#ifndef KS_STAGE_VALUES_H
#define KS_STAGE_VALUES_H

#include <stdio.h>

#include "stage/stages.h"

/*
 * Prints to F, in the format of provprint_sh, the values that STAGE and the stages that it needs, directly or not,
 * declare (sections, incremental_files), which are therefore part of its key. "unset -v" of all other names follows, and
 * CONF_NAMES with the names of the values. Returns 0 or -1.
 */
int stage_values_print(
    FILE *f, const struct provider *p, const struct stages *stages, const struct stage *stage, struct err *e);

#endif
