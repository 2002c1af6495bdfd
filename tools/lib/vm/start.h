/* Running a QEMU command line until the machine runs. */
#ifndef KS_VM_START_H
#define KS_VM_START_H

#include <stdint.h>

#include "base/args.h"
#include "base/child.h"
#include "base/err.h"
#include "vm/qmp.h"

struct vm_launch {
	const struct args *command;
	const char *qmp;       /* path of its QMP socket */
	const char *log;       /* file for what QEMU says; written anew */
	const char *saved_ram; /* the file of the memory that it resumes with (vmholes.h); NULL: none */
	int death_signal;      /* what QEMU gets when its parent ends; 0: nothing */
	int cancel_fd;         /* readable: give up */
	int64_t deadline;      /* of now_ms */
	/* What is done with a QEMU that answers, before it must run (0 or -1); NULL: nothing. */
	int (*bring)(struct qmp *q, void *arg, int64_t deadline, struct err *e);
	void *arg;
	char version[32]; /* set by vm_launch: QEMU's */
};

/*
 * Starts QEMU and returns 0 when query-status says "running". When it does not come to that (QEMU ended, DEADLINE
 * has passed, cancelled) QEMU is killed, and the result is -1; the words of QEMU, if there are any, make the error.
 */
int vm_launch(struct vm_launch *l, struct child *qemu, struct err *e);

/* Makes an error of how QEMU ended, STATUS as of wait(2), and of the words in its log. Returns -1. */
int vm_launch_words(const char *log, const char *program, int status, struct err *e);

#endif
