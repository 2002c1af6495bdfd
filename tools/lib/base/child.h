/* Child processes that inherit only the descriptors they are given. */
#ifndef KS_BASE_CHILD_H
#define KS_BASE_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct child {
	pid_t pid;
	int pidfd; /* becomes readable when the process has ended: pidfd_open(2) */
};

/* The standard descriptors of a child; a negative one stands for /dev/null. */
struct child_io {
	int in, out, err;
};

/*
 * Starts ARGV (searched in PATH) in a new session, with the descriptors of IO and no others, no signal blocked, and
 * the default action for SIGINT, SIGQUIT, SIGPIPE, SIGHUP, SIGTERM and SIGCHLD. When its parent ends it gets
 * DEATH_SIGNAL, unless that is 0. Returns 0 or -1, also when the program cannot be executed.
 */
int child_start(struct child *c, char *const argv[], const struct child_io *io, int death_signal, struct err *e);

/* Waits for C to end and reaps it. Returns 1 with its wait status in STATUS, 0 at DEADLINE (of now_ms), or -1. */
int child_wait(const struct child *c, int64_t deadline, int *status, struct err *e);

/* Kills C and its process group, reaps it, and closes its pidfd. */
void child_kill(struct child *c);

/* The output that child_run collects: strings that the caller frees. */
struct child_text {
	char *out, *err;
};

/*
 * Runs ARGV to its end and collects its standard output and standard error, at most 1 MiB of each. ARGV is killed at
 * DEADLINE (of now_ms), or when CANCEL_FD (-1: none) becomes readable; both are errors. Returns 0 with its wait status
 * in STATUS, or -1.
 */
int child_run(char *const argv[], int cancel_fd, int64_t deadline, struct child_text *text, int *status, struct err *e);

#endif
