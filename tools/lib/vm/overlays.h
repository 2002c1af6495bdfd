/*
 * The overlays that saves make on a machine's disk. QEMU may open a file that it uses by its name again, so no file
 * ever changes its name: DISK stays what it was, its overlays are DISK.1, DISK.2 and so on, and DISK.top is a symbolic
 * link to the one in use.
 */
#ifndef KS_VM_OVERLAYS_H
#define KS_VM_OVERLAYS_H

#include "base/err.h"

/* The file that DISK has come to, in TOP (to be freed); NULL: DISK itself. Returns 0 or -1. */
int vm_top_find(const char *disk, char **top, struct err *e);

/* The name of the next overlay of DISK, to be freed; NULL with the reason in E. */
char *vm_top_next(const char *disk, struct err *e);

/* DISK has come to TOP, a file beside it. Returns 0 or -1. */
int vm_top_set(const char *disk, const char *top, struct err *e);

/* Removes the overlays of a DISK that is made anew, and the link. */
void vm_top_remove(const char *disk);

#endif
