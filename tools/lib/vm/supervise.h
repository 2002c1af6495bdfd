/* Being the parent of a VM until it ends; fit for process 1 of a container. */
#ifndef KS_VM_SUPERVISE_H
#define KS_VM_SUPERVISE_H

#include <stdint.h>

#include "base/child.h"
#include "base/err.h"
#include "vm/run.h"

/* Blocks SIGINT, SIGTERM and SIGHUP. Returns a descriptor that is readable once one has come (signalfd(2)), or -1. */
int vm_stay_signals(struct err *e);

/* Takes the signal from that descriptor; 0 when none has come. */
int vm_stay_signal(int signal_fd);

struct vm_stay {
	int signal_fd;    /* from vm_stay_signals */
	const char *qmp;  /* for vm_end */
	int64_t grace_ms; /* for vm_end */
};

/*
 * Waits until QEMU ends, and reaps whatever else this process inherits. A signal ends the VM, by vm_end; HOW then
 * says how (VM_SHUT_DOWN when the guest shut down by itself). STATUS is QEMU's, as of wait(2), or 0 when it was
 * told to end. Returns 0, or -1 when it could not be ended.
 */
int vm_stay(const struct vm_stay *stay, const struct child *qemu, enum vm_end *how, int *status, struct err *e);

#endif
