/* What must be there before QEMU can start: the runtime directory and the disks. */
#ifndef KS_VM_PREPARE_H
#define KS_VM_PREPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/command_line.h"

struct vm_prep {
	/* Set by the caller. */
	struct vm *vm;                            /* its paths are set; its disks are completed here */
	const char *run;                          /* the runtime directory */
	const char *disk, *backing;               /* the root disk, and what it overlays; NULL: none */
	const char *disk_format, *backing_format; /* NULL: to be looked up */
	uint64_t disk_size;                       /* of the overlay, bytes; 0: as the backing's */
	bool keep_disk;                           /* a disk that is there is not made anew */
	bool dry;                                 /* make nothing */
	int cancel_fd;                            /* readable: give up; -1: none */
	int64_t deadline;                         /* of now_ms */
	/* Set here. */
	char *log;  /* for what QEMU says */
	char *desc; /* the machine's description, which the caller writes */
	int run_fd; /* start with -1; holds the lock on the runtime directory */
	bool made_run, made_files, made_disk;
};

/*
 * Makes and locks the runtime directory, and removes what an earlier VM has left. An error if a VM runs there, or
 * if another vmstart has the lock. Returns 0 or -1.
 */
int vm_prep_run(struct vm_prep *p, struct err *e);

/* Makes the overlay, and looks up the formats that are not given. Returns 0 or -1. */
int vm_prep_disks(struct vm_prep *p, struct err *e);

/* After a start that failed: removes all that was made, by QEMU too. */
void vm_prep_undo(const struct vm_prep *p);

/* Frees the log's name, and gives the lock back. */
void vm_prep_free(struct vm_prep *p);

#endif
