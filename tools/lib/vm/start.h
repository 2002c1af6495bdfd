/*
 * Starting a virtual machine: the runtime directory, the root disk, QEMU until the machine runs, and the machine's
 * description.
 */
#ifndef KS_VM_START_H
#define KS_VM_START_H

#include <stdbool.h>
#include <stdint.h>

#include "base/args.h"
#include "base/child.h"
#include "base/err.h"
#include "vm/machine.h"
#include "vm/qmp.h"

struct vm_start {
	/* Set by the caller. */
	struct vm *vm;                            /* with the paths of its files; its disks are completed here */
	const char *run;                          /* runtime directory; created if necessary */
	const char *disk, *backing;               /* root disk, and the backing file of a new overlay; NULL: none */
	const char *disk_format, *backing_format; /* "raw" or "qcow2"; NULL: detect */
	uint64_t disk_size;                       /* virtual size of the overlay in bytes; 0: that of BACKING */
	bool keep_disk;                           /* use an existing DISK instead of creating the overlay again */
	const char *resumed;                      /* saved state that the machine resumes from; NULL: it boots */
	int death_signal;                         /* sent to QEMU when this process ends; 0: none */
	int cancel_fd;                            /* the start is cancelled when it is readable; -1: none */
	int64_t deadline;                         /* of now_ms */
	/* Called when QEMU answers on QMP, to start the machine (returns 0 or -1); NULL: it boots by itself. */
	int (*bring)(struct qmp *q, void *arg, int64_t deadline, struct err *e);
	void *arg;
	/* Set by vm_start. */
	char version[32]; /* of QEMU; set before BRING is called */
	char machine[64]; /* if VM's machine type is an alias: the versioned type that it stands for */
	char *log, *desc; /* paths of QEMU's log and of the description */
	int run_fd;       /* initialize to -1; holds the lock on the runtime directory */
	bool created_run, created_files, created_disk;
};

/*
 * Starts the machine and returns 0 when QEMU reports that it is running; its description is written last. If that
 * fails, QEMU is killed, everything that was created is removed, and the result is -1: there is a VM in the runtime
 * directory, another vmstart uses it, a file is missing, QEMU ended (E contains its messages), the deadline has passed,
 * or the start was cancelled.
 */
int vm_start(struct vm_start *s, struct child *qemu, struct err *e);

/* Appends the command line that vm_start would run to A. Creates nothing. Returns 0 or -1; free A in either case. */
int vm_start_command(struct vm_start *s, struct args *a, struct err *e);

/* Removes the sockets, the pid file and the description of a started machine that has ended. The logs stay. */
void vm_start_clean(const struct vm_start *s);

/* Releases the lock on the runtime directory and frees the paths. */
void vm_start_free(struct vm_start *s);

#endif
