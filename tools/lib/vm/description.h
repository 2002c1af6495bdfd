/*
 * The description of a virtual machine, vm.json. vmstart writes it to the runtime directory of a running machine;
 * vmsave copies it to the saved state and adds to it. A machine that resumes must be identical to the one described.
 *
 * One JSON object. Paths are absolute, and those of the machine: in a container they may not exist outside it.
 *
 *	format       1, the version of this format; a reader refuses any other
 *	name         the machine's name; see vm_name_ok
 *	machine      QEMU's machine type, e.g. "pc-q35-7.2"
 *	cpu          QEMU's CPU model, e.g. "qemu64"
 *	accelerator  "kvm" or "tcg"
 *	processor    with kvm: the kind of the host's processor, as 64 hex digits (cpu_identity); else null
 *	qemu         the version of QEMU, e.g. "7.2.19"
 *	memory       RAM in bytes, a multiple of 1 MiB
 *	cpus         number of virtual CPUs, 1 to 255
 *	kernel       file of the kernel that was booted directly; null: none
 *	initrd       its initial RAM disk, or null
 *	append       its command line, or null
 *	root         the boot disk, as below; null: none
 *	disks        array of the additional disks
 *	nics         array of {"mac": "52:54:00:12:34:56", "user": BOOL} in PCI order. USER is true for QEMU's user
 *	             network, which has a section of its own in the device state; the other kinds have none, so that a
 *	             resumed machine may exchange one for another.
 *	fw_cfg       array of {"name": "opt/...", "file": PATH}
 *	arguments    array of the additional QEMU arguments
 *	run          the machine's runtime directory
 *	resumed      the directory of the saved state that the machine was resumed from; null: it was booted
 *
 * A disk is an object:
 *
 *	path         its file; overlays that vmsave adds are named after it (vm/overlays.h)
 *	format       "raw" or "qcow2", that of PATH
 *	serial       its serial number as given, or ""
 *	readonly     true or false
 *
 * In a saved state vmsave adds:
 *
 *	root.saved   file in the directory of the saved state that the resumed machine's overlay is based on
 *	root.format  now the format of that file
 *	root.base    the backing file that is not part of the saved state (snapshot/base_disk.h); null: none
 *	saved        {"time": seconds since 1970, "by": version of kubestamp, "pages": pages of RAM that were sent}
 *
 * A reader ignores members that it does not know.
 */
#ifndef KS_VM_DESCRIPTION_H
#define KS_VM_DESCRIPTION_H

#include <jansson.h>

#include "base/err.h"
#include "vm/kvm.h"
#include "vm/machine.h"

#define VM_DESC "vm.json"

/* What a description contains in addition to the machine; its strings belong to the JSON document. */
struct vmdesc {
	const char *run;
	const char *resumed; /* NULL: the machine was booted */
	const char *version;
	const char *accelerator;
	const char *processor; /* of cpu_identity; NULL with TCG */
};

/*
 * Describes VM, whose files must exist. RUN is its runtime directory, RESUMED the saved state that it came from (or
 * NULL), VERSION that of QEMU. Returns a new reference, or NULL with the reason in E.
 */
json_t *vmdesc_new(const struct vm *vm, const char *run, const char *resumed, const char *version, struct err *e);

/*
 * Reads and checks the description PATH. VM and D are set from it and point into it; free VM's disks with vm_disk_free,
 * and VM's extra_. Members that the next machine does not share with this one are not touched: sockets and other files
 * in the runtime directory, and the networks that the NICs are connected to. Returns a new reference, or NULL.
 */
json_t *vmdesc_read(const char *path, struct vm *vm, struct vmdesc *d, struct err *e);

/* The same for a document that the caller owns and keeps while VM and D are used. Returns 0 or -1. */
int vmdesc_take(const json_t *desc, struct vm *vm, struct vmdesc *d, struct err *e);

/* Writes DESC to PATH atomically. Returns 0 or -1. */
int vmdesc_write(const char *path, const json_t *desc, struct err *e);

#endif
