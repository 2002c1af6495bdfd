/*
 * Are the files of a saved machine still those that were saved? The manifest (manifest.h) says what they were; each
 * file exists in its raw form, in its packed form, or both. A file that was read once is read again only after it has
 * changed (verified.h). The directory is locked meanwhile (saved_dir.h). Errors start with the directory and the file.
 */
#ifndef KS_SNAPSHOT_VERIFY_H
#define KS_SNAPSHOT_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Writes the manifest of the N files NAMES in DIR, in place of an earlier one; the files must not change meanwhile.
 * Files that are already verified are not read again. SYNC: the files are written to the disk first; otherwise they are
 * read again after the next boot, since a crash may have lost some of them. Returns 0, or -1: a name that is not a
 * plain file name or is given twice, a file that is missing, not a plain file or changes while it is being read, a
 * system error.
 */
int saved_record(const char *dir, const char *const names[], size_t n, bool sync, struct err *e);

/*
 * Is every file there, raw or else packed, and what the manifest says? Returns 1: yes; 0: no, and E says why (no
 * manifest or a damaged one, a file that is missing, has another size or other contents); -1 on a system error. If DIR
 * is not writable the result is the same but not remembered.
 */
int saved_verify(const char *dir, struct err *e);

/*
 * Lists the files without reading them: {"files":[{"name","size","data","packed"}]}. "data" is what the raw form
 * takes on the disk in bytes, null if it does not exist; "packed" is {"name","size"} or null. Returns a new reference,
 * or NULL.
 */
json_t *saved_list(const char *dir, struct err *e);

#endif
