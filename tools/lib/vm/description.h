/*
 * The description of a virtual machine as a JSON document, vm.json: what a machine that resumes its saved state must be
 * equal in, and where its files are. vmstart leaves one in the runtime directory of a machine that runs, vmsave one in
 * the directory of a saved state.
 */
#ifndef KS_VM_DESCRIPTION_H
#define KS_VM_DESCRIPTION_H

#include <jansson.h>

#include "base/err.h"
#include "vm/command_line.h"

#define VM_DESC "vm.json"
#define VMDESC_FORMAT 1

/* What a description says beside the machine. */
struct vmdesc {
	const char *run;         /* its runtime directory, as the machine sees it; absolute */
	const char *resumed;     /* the saved state that it came from, as the machine sees it; NULL: it was booted */
	const char *version;     /* of QEMU: "7.2.19" */
	const char *accelerator; /* "kvm" or "tcg" */
	const char *processor;   /* with kvm: cpu_identity of the host; else NULL */
};

/*
 * Makes the description of VM, whose files must be there: their names become absolute. Returns a new reference, or
 * NULL with the reason in E.
 */
json_t *vmdesc_new(const struct vm *vm, const struct vmdesc *d, struct err *e);

/*
 * Reads the description PATH and checks it; VM and D get what it says, and point into it for as long as it lives. VM's
 * disks are to be freed by vm_disk_free. Its own sockets and files, and the interfaces behind its NICs, are left as
 * they are: the next machine has others. Returns a new reference, or NULL.
 */
json_t *vmdesc_read(const char *path, struct vm *vm, struct vmdesc *d, struct err *e);

/* As vmdesc_read, from a document (a reference that is kept by the caller). Returns 0 or -1. */
int vmdesc_take(const json_t *desc, struct vm *vm, struct vmdesc *d, struct err *e);

/* Writes DESC as PATH, whole or not at all. Returns 0 or -1. */
int vmdesc_write(const char *path, const json_t *desc, struct err *e);

/* What kind of processor the host has, as a digest of its vendor, family, model and flags. Returns 0 or -1. */
int cpu_identity(char hex[65], struct err *e);

#endif
