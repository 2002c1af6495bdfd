/*
 * Which files were read in full and found right: for each name what stat(2) said then, and the digest. A writer
 * cannot set ctime back, so a file of which stat(2) says the same has the same contents.
 */
#ifndef KS_SNAPSHOT_TRUST_H
#define KS_SNAPSHOT_TRUST_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "snapshot/files.h"

/* The table that TEXT is (NULL: none); an empty one when it is damaged. NULL when out of memory. */
json_t *vmtrust_parse(const char *text, size_t n);

/* Was FORM, which is ST now, found right as it is, and is this still known? */
bool vmtrust_has(const json_t *table, const struct vmform *form, const struct stat *st);

/*
 * FORM has been found right; it was ST before it was read. SYNCED: it is on the disk; else this is only known until the
 * system boots, since a crash can take what was written and leave what stat(2) says.
 */
void vmtrust_set(json_t *table, const struct vmform *form, const struct stat *st, bool synced);

/* TABLE gets what FROM, which may be TABLE, has of FORM's file, which is ST by now. */
void vmtrust_again(json_t *table, const json_t *from, const struct vmform *form, const struct stat *st);

/* Has nothing been written between A and B? */
bool vmtrust_same(const struct stat *a, const struct stat *b);

/*
 * A write in the very tick of the clock in which ST was taken would not change ctime. Waits until that tick is over
 * (some milliseconds, when the file is fresh); what is read afterwards can be told from what is written later.
 * Returns false when ctime is in the future: then nothing can be told.
 */
bool vmtrust_settle(const struct stat *st);

#endif
