/*
 * The QEMU command line of a virtual machine. Every device has a fixed id and address, so that the same description
 * always gives the same machine: saved state resumes only in an identical one.
 */
#ifndef KS_VM_COMMAND_LINE_H
#define KS_VM_COMMAND_LINE_H

#include "base/args.h"
#include "base/err.h"
#include "vm/machine.h"

/* Appends the command line to A. Returns 0, or -1 if out of memory. Free A in either case. */
int vm_command_line(const struct vm *vm, struct args *a, struct err *e);

#endif
