/*
 * The backing file of a saved disk, which is not part of the saved state: it must exist unchanged where the machine
 * resumes.
 */
#ifndef KS_SNAPSHOT_BASE_DISK_H
#define KS_SNAPSHOT_BASE_DISK_H

#include <jansson.h>

#include "base/err.h"

/*
 * Describes the file PATH, a name as the machine sees it; with its size, time and digest if it can be read from here.
 * Returns a new reference, or NULL.
 */
json_t *base_disk_new(const char *path, struct err *e);

/*
 * Does the file that BASE describes exist unchanged? A file with a different time stamp is read. JSON null: a disk
 * without backing file. Returns 1; 0 with the reason in E; or -1.
 */
int base_disk_check(const json_t *base, struct err *e);

#endif
