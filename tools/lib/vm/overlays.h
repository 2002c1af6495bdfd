/*
 * The overlays that vmsave adds on top of a running machine's disk. QEMU may reopen a file in use by its name, so a
 * file is never renamed: DISK keeps its name, the overlays are DISK.1, DISK.2 and so on, and the symbolic link DISK.top
 * points to the top one, which the machine writes to.
 */
#ifndef KS_VM_OVERLAYS_H
#define KS_VM_OVERLAYS_H

#include "base/err.h"

/* Sets TOP (free it) to the top overlay of DISK; to NULL if DISK has no overlays. Returns 0 or -1. */
int vm_overlay_top(const char *disk, char **top, struct err *e);

/* Returns the first unused name for an overlay of DISK (free it), or NULL with the reason in E. */
char *vm_overlay_next(const char *disk, struct err *e);

/* Makes TOP, a file in the directory of DISK, its top overlay. Returns 0 or -1. */
int vm_overlay_set_top(const char *disk, const char *top, struct err *e);

/* Removes the overlays of DISK and the link, before DISK is created again. */
void vm_overlays_remove(const char *disk);

#endif
