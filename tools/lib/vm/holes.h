/* The saved memory of a machine, and the holes in its file: see tools/preload/ramholes.c. */
#ifndef KS_VM_HOLES_H
#define KS_VM_HOLES_H

/*
 * A program that is started from now on has the library ramholes.so preloaded for the file RAM, before what the
 * environment preloads already; if it lies beside this program.
 */
void vm_holes(const char *ram);

#endif
