/*
 * The QEMU command line of a virtual machine. Every device has a fixed id and address, so that the same description
 * always gives the same machine: saved state resumes only in an identical one.
 */
#ifndef KS_VM_COMMAND_LINE_H
#define KS_VM_COMMAND_LINE_H

#include <stdint.h>

#include "base/args.h"
#include "base/err.h"
#include "vm/machine.h"

/* Appends the command line to A. Returns 0, or -1 if out of memory. Free A in either case. */
int vm_command_line(const struct vm *vm, struct args *a, struct err *e);

/*
 * TCG, QEMU's emulation, keeps translated code in a cache, and flushes all of it when it is full. LIMIT (tb-size) is the
 * size of the cache in MiB, at most 2047; only the part that is used takes memory of the host, USED MiB. Observed with a
 * Kubernetes node of 4 GiB: with 512 it was flushed 6 times in 15 minutes, with 2047 never; it used 1.2 GB, and "kubeadm
 * init" took 397 s instead of 446. A small machine does not run that much code. QEMU's default grows with the RAM of the
 * guest, and is too small for a small one.
 */
struct tcg_cache {
	unsigned limit, used;
};

/* The cache of a machine with MEMORY bytes. */
const struct tcg_cache *vm_tcg_cache(uint64_t memory);

#endif
