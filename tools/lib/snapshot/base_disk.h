/* What a saved disk stands on and does not hold: a file that must be there, and be as it was, where it resumes. */
#ifndef KS_SNAPSHOT_BASE_DISK_H
#define KS_SNAPSHOT_BASE_DISK_H

#include <jansson.h>

#include "base/err.h"

/*
 * A description of the file PATH, a name as the machine sees it. Its size, time and digest are in it if it can be read
 * from here. Returns a new reference, or NULL.
 */
json_t *vm_base_new(const char *path, struct err *e);

/*
 * Is the file that BASE describes there and as it was? One with another time stamp is read. JSON null: a disk that
 * stands on nothing. Returns 1, 0 with the reason in E, or -1.
 */
int vm_base_check(const json_t *base, struct err *e);

#endif
