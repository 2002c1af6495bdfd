/*
 * Which files have been read in full and found intact: a table with the digest of each file, and what stat(2) said of
 * it. A writer cannot set ctime back, so a file for which stat(2) says the same has the same contents.
 */
#ifndef KS_SNAPSHOT_VERIFIED_H
#define KS_SNAPSHOT_VERIFIED_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "snapshot/manifest.h"

/*
 * Parses the N bytes of TEXT (NULL: none). A damaged table is an empty one. Returns a new reference; NULL: out of
 * memory.
 */
json_t *verified_parse(const char *text, size_t n);

/* Is FORM, for which stat(2) now says ST, known to be intact? */
bool verified_has(const json_t *table, const struct saved_form *form, const struct stat *st);

/*
 * Records that FORM is intact; ST was taken before it was read. SYNCED: it is on the disk. Otherwise the record holds
 * only until the next boot, since a crash can lose data that was written and keep what stat(2) says.
 */
void verified_set(json_t *table, const struct saved_form *form, const struct stat *st, bool synced);

/* Copies the record of FORM from FROM, which may be TABLE, to TABLE, with ST in place of the old stat. */
void verified_update(json_t *table, const json_t *from, const struct saved_form *form, const struct stat *st);

/* True if nothing was written to the file between A and B. */
bool verified_unchanged(const struct stat *a, const struct stat *b);

/*
 * A write within the clock tick of ST's ctime would not change ctime. Waits until that tick is over, a few milliseconds
 * for a file just written, so that any later write can be detected. Returns false if ctime is in the future: then no
 * write can be detected.
 */
bool verified_settle(const struct stat *st);

#endif
