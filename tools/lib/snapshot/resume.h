/* Resuming a machine from saved state, the directory that vmsave has written. */
#ifndef KS_SNAPSHOT_RESUME_H
#define KS_SNAPSHOT_RESUME_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/description.h"
#include "vm/qmp.h"

struct resume {
	/* Set by the caller. */
	const char *dir;   /* the saved state */
	const char *accel; /* "kvm" or "tcg" if one is requested; NULL: the one it was saved under */
	const char *renew; /* command run in the guest before it is reachable; NULL: only its clock is set */
	char *input;       /* for the command, INPUT_N bytes; freed by resume_free */
	size_t input_n;
	const struct vm *vm; /* completed by resume_open and the caller */
	const char *version; /* of the QEMU here; read by resume_bring */
	/* Set by resume_open. */
	json_t *json; /* the description */
	struct vmdesc desc;
	char *ram, *root; /* files of the saved state; ROOT NULL: no disk */
	/* Set by resume_bring. */
	bool no; /* the QEMU here cannot load it */
};

/*
 * Reads the description of the saved state into VM: memory, CPUs, devices, kernel, and its disks as they were saved.
 * Sets VM's RAM. Returns 0, or -1: there is no saved state, or it is damaged.
 */
int resume_open(struct resume *r, struct vm *vm, struct err *e);

/*
 * Can it be resumed here? Every file must be what was saved, the processor and the accelerator the same, enough memory
 * available, the backing file of its disk unchanged, and the addresses of its NICs not in use on their bridges.
 * Returns 1; 0 with the reason in E; or -1.
 */
int resume_check(const struct resume *r, struct err *e);

/*
 * Loads the state into the QEMU behind Q, lets it run, renews the guest (see vmstart(1)), and then opens its NICs for
 * traffic. ARG is the struct resume. Returns 0 or -1.
 */
int resume_bring(struct qmp *q, void *arg, int64_t deadline, struct err *e);

/* Frees what R holds. */
void resume_free(struct resume *r);

#endif
