/* Child processes that inherit nothing but what they are given. */
#ifndef KS_BASE_CHILD_H
#define KS_BASE_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct child {
	pid_t pid;
	int pidfd; /* readable when the process has ended: see pidfd_open(2) */
};

/* What a child gets as its standard descriptors; a negative one stands for /dev/null. */
struct child_io {
	int in, out, err;
};

/*
 * Starts ARGV (searched in PATH) in a session of its own, with no other descriptor than those of IO, no signal
 * blocked, and SIGINT, SIGQUIT and SIGPIPE at their defaults. DEATH_SIGNAL is what it gets when its parent ends;
 * 0: nothing. That the program cannot be run is an error of this call. Returns 0 or -1.
 */
int child_start(struct child *c, char *const argv[], const struct child_io *io, int death_signal, struct err *e);

/* Waits for the end of C. Returns 1 and the wait status when it has ended (it is reaped), 0 at DEADLINE, or -1. */
int child_wait(const struct child *c, int64_t deadline, int *status, struct err *e);

/* Kills C with all of its process group, reaps it, and closes its pidfd. */
void child_kill(struct child *c);

/* What child_run collects; both are strings to be freed. */
struct child_text {
	char *out, *err;
};

/*
 * Runs ARGV to its end and collects what it says (at most 1 MiB each). It is killed at DEADLINE, or when CANCEL_FD
 * (-1: none) becomes readable; both are errors. Returns 0 when it ended, with STATUS as of wait(2), or -1.
 */
int child_run(char *const argv[], int cancel_fd, int64_t deadline, struct child_text *text, int *status, struct err *e);

#endif
