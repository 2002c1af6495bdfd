/* Resuming a machine from the directory of its saved state. */
#ifndef KS_SNAPSHOT_RESUME_H
#define KS_SNAPSHOT_RESUME_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/qmp.h"
#include "vm/description.h"

/* The names in the directory of a saved state, beside VM_DESC. */
#define VM_SAVED_RAM "ram"
#define VM_SAVED_STATE "state"

struct vm_resume {
	/* Set by the caller. */
	const char *dir;   /* the saved state */
	const char *accel; /* "kvm" or "tcg" if that is asked for; NULL: what it was saved under */
	const char *renew; /* command in the guest, run before anyone reaches it; NULL: its clock is set */
	char *input;       /* for it, INPUT_N bytes */
	size_t input_n;
	const struct vm *vm; /* completed by vm_resume_open and the caller */
	const char *version; /* of the QEMU here; read by vm_resume_bring */
	/* Set by vm_resume_open. */
	json_t *json; /* the description, to be released */
	struct vmdesc desc;
	char *ram, *root; /* files of the state, to be freed; ROOT NULL: no disk */
	/* Set by vm_resume_bring. */
	bool no; /* the QEMU here is another one */
};

/*
 * Reads the state's description into VM: memory, CPUs, devices, kernel; its disks as they were saved. VM's RAM is set.
 * Returns 0, or -1: there is no state, or a damaged one.
 */
int vm_resume_open(struct vm_resume *r, struct vm *vm, struct err *e);

/*
 * Can it resume here? Every file is what was saved, the processor and the accelerator are the same, memory suffices,
 * what its disk stands on is there and as it was, no interface's bridge has its address already. Returns 1, 0 with the
 * reason in E, or -1.
 */
int vm_resume_check(const struct vm_resume *r, struct err *e);

/*
 * Loads the state into the QEMU behind Q, lets it run, renews the guest (see vmstart(1)), and then opens the gates of
 * its NICs. ARG is the struct vm_resume. Returns 0 or -1.
 */
int vm_resume_bring(struct qmp *q, void *arg, int64_t deadline, struct err *e);

void vm_resume_free(struct vm_resume *r);

#endif
