/* A VM at run time: the files in its runtime directory, its QEMU process, and ending it. */
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
#define VM_DISK "root.qcow2" /* overlay of a machine that was resumed */

/* Returns a copy of GIVEN or, if that is NULL, RUN/NAME; free it. NULL if out of memory. */
char *vm_run_path(const char *given, const char *run, const char *name);

/* The files that are of no use when the VM has ended. NULL: none. */
struct vm_files {
	const char *sockets[3];
	const char *pidfile;
	const char *desc; /* vm.json */
};

/* Removes them. A file with the name of a socket is kept if it is not a socket. */
void vm_clean(const struct vm_files *files);

/*
 * Finds the QEMU process that PIDFILE belongs to. QEMU keeps the file locked for its lifetime and the kernel reports
 * who holds the lock, so a process that has reused the pid is never mistaken for QEMU. Close PIDFD.
 * Returns 1, 0 if no QEMU is running, or -1.
 */
int vm_find(const char *pidfile, int *pidfd, struct err *e);

/*
 * Sets E to how QEMU ended: STATUS as returned by wait(2), and the messages in its log without the warnings.
 * PROGRAM is QEMU's name, with which its messages start. Returns -1.
 */
int vm_qemu_error(const char *log, const char *program, int status, struct err *e);

enum vm_end {
	VM_SHUT_DOWN, /* the guest shut itself down */
	VM_ENDED,     /* QEMU was ended without a shutdown: on request, or because the machine has been saved */
	VM_LATE,      /* the guest did not shut down in time, and QEMU was ended */
};

/*
 * Ends the VM with the process PIDFD. Presses the power button, again every few seconds since a booting guest ignores
 * it. After GRACE_MS (0: at once) tells QEMU to quit, then kills it. QMP is the path of its socket.
 * Returns 0 when QEMU has ended, or -1.
 */
int vm_end(int pidfd, const char *qmp, int64_t grace_ms, enum vm_end *how, struct err *e);

#endif
