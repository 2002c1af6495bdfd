/*
 * The QEMU command line of a virtual machine. Every device has an id and a fixed address, so that the same
 * description gives the same machine again: a saved state resumes only in an equal one.
 */
#ifndef KS_VM_COMMAND_LINE_H
#define KS_VM_COMMAND_LINE_H

#include <stdint.h>

#define VM_MEMORY "mem" /* the id of the guest's memory */
#define VM_GATE \
	"gate" /* and the number of the NIC: the id of what holds its packets back until a machine may be reached */

#include "base/args.h"
#include "vm/machine.h"

struct vm {
	const char *qemu, *name, *machine, *cpu;
	bool kvm;
	unsigned cpus;
	uint64_t memory;                      /* bytes, a multiple of 1 MiB */
	const char *kernel, *initrd, *append; /* NULL: none */
	struct vm_disk root;                  /* to boot from; its path is NULL: none */
	struct vm_disk disks[VM_DISKS];       /* further ones */
	size_t ndisks;
	struct vm_nic nics[VM_NICS];
	size_t nnics;
	struct vm_fw fws[VM_FWS];
	size_t nfws;
	/* QEMU makes these files: three sockets, the console's log, its pid. */
	char *qmp, *agent, *console_socket, *console, *pidfile;
	char **extra;    /* further arguments, ending with NULL */
	char **extra_;   /* vmdesc_take's own list of them, to be freed */
	const char *ram; /* memory that was saved, to resume from: mapped, and never written; NULL: boot */
};

/* Makes the command line. Returns 0, or -1 when out of memory (A is to be freed in any case). */
int vm_command(const struct vm *vm, struct args *a, struct err *e);

/* True when /dev/kvm opens and the processor has vmx or svm: the device alone, which some hosts have, is no proof. */
bool vm_kvm_usable(void);

#endif
