/* Staying the parent of a VM until it ends; also as process 1 of a container. */
#ifndef KS_VM_SUPERVISE_H
#define KS_VM_SUPERVISE_H

#include <stdint.h>

#include "base/child.h"
#include "base/err.h"
#include "vm/run.h"

/* Blocks SIGINT, SIGTERM and SIGHUP. Returns a signalfd(2) that becomes readable when one arrives, or -1. */
int vm_signals(struct err *e);

/* Takes a signal from that descriptor. Returns its number, or 0 if none has arrived. */
int vm_signal_take(int signal_fd);

struct vm_supervise {
	int signal_fd;    /* from vm_signals */
	const char *qmp;  /* as for vm_end */
	int64_t grace_ms; /* as for vm_end */
};

/*
 * Waits until QEMU ends, and reaps every other child that this process inherits. A signal ends the VM with vm_end.
 * HOW is set to how it ended; VM_SHUT_DOWN if the guest shut down by itself. STATUS is QEMU's status as returned by
 * wait(2), or 0 if QEMU was ended because of a signal. Returns 0, or -1: the VM could not be ended.
 */
int vm_supervise(const struct vm_supervise *s, const struct child *qemu, enum vm_end *how, int *status, struct err *e);

#endif
