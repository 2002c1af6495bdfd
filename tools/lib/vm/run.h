/* A VM that runs: its runtime directory, who it is, and how it is ended. */
#ifndef KS_VM_RUN_H
#define KS_VM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The names in a runtime directory. */
#define VM_QMP "qmp.sock"
#define VM_AGENT "agent.sock"
#define VM_CONSOLE_SOCKET "console.sock"
#define VM_CONSOLE "console.log"
#define VM_PIDFILE "pid"
#define VM_LOG "qemu.log"
#define VM_DISK "root.qcow2" /* of a machine that resumes */

/* GIVEN, or else RUN/NAME; to be freed. Returns NULL when out of memory. */
char *vm_run_path(const char *given, const char *run, const char *name);

/* What a VM leaves behind. */
struct vm_files {
	const char *sockets[3];
	const char *pidfile;
	const char *desc; /* vm.json */
};

/* Removes them: what is there under the name of a socket only if it is one. */
void vm_clean(const struct vm_files *files);

/*
 * Finds the QEMU that PIDFILE belongs to: QEMU keeps a lock on it for as long as it lives, and the kernel says who
 * holds the lock, so a pid that was used again is never taken for it. PIDFD is to be closed.
 * Returns 1, 0 when none runs, or -1.
 */
int vm_find(const char *pidfile, int *pidfd, struct err *e);

enum vm_end {
	VM_SHUT_DOWN, /* the guest shut itself down */
	VM_ENDED,     /* it was ended at once, as it was asked, or as its state has been saved */
	VM_LATE,      /* the guest did not shut down in time and was ended */
};

/*
 * Ends the VM of PIDFD: the power button, pressed again every few seconds as a guest that boots does not hear it;
 * after GRACE_MS (0: at once) QMP's quit; then SIGKILL. QMP is the path of its socket.
 * Returns 0 when it has ended, or -1.
 */
int vm_end(int pidfd, const char *qmp, int64_t grace_ms, enum vm_end *how, struct err *e);

#endif
