/* What differs between two files of a stage's inputs (see stageinputs.h for their lines). */
#ifndef KS_PROVIDER_WHY_H
#define KS_PROVIDER_WHY_H

#include "base/err.h"
#include "base/words.h"

/*
 * Adds a line to TEXT for each difference between the inputs files OLD and NEW, in words: "file a/b changed",
 * "conf node.memory: 4096M -> 6144M", "need cluster added". Returns 0, or -1 when a file cannot be read, or has a
 * line that is none of an inputs file (with its number).
 */
int why_differ(struct words *text, const char *old, const char *new, struct err *e);

#endif
