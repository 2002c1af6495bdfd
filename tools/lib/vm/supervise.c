#include "vm/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Blocks SIGNALS. Returns a signalfd for them, or -1. */
static int block(const int *signals, size_t n, struct err *e)
{
	sigset_t set;
	size_t i;
	int fd;

	(void)sigemptyset(&set);
	for (i = 0; i < n; i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(e, "signalfd") : fd;
}

int vm_signals(struct err *e)
{
	return block((const int[]){ SIGINT, SIGTERM, SIGHUP }, 3, e);
}

int vm_signal_take(int signal_fd)
{
	struct signalfd_siginfo info;

	return read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

/* Reaps all children that have ended. True if QEMU was one of them. */
static bool reap(pid_t qemu, int *status)
{
	bool found = false;
	int any;
	pid_t pid;

	while ((pid = waitpid(-1, &any, WNOHANG)) > 0)
		if (pid == qemu) {
			found = true;
			*status = any;
		}
	return found;
}

int vm_supervise(const struct vm_supervise *s, const struct child *qemu, enum vm_end *how, int *status, struct err *e)
{
	AUTO_CLOSE int child_fd = block((const int[]){ SIGCHLD }, 1, e);
	struct pollfd p[2] = { { .fd = s->signal_fd, .events = POLLIN }, { .fd = child_fd, .events = POLLIN } };

	*how = VM_SHUT_DOWN;
	if (child_fd < 0)
		return -1;
	/* Reap before the first wait: a child may have ended before SIGCHLD was blocked. */
	while (!reap(qemu->pid, status)) {
		/* No deadline: a VM may run for months. */
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (vm_signal_take(s->signal_fd) != 0) {
			if (vm_end(qemu->pidfd, s->qmp, s->grace_ms, how, e) < 0)
				return -1;
			(void)waitpid(qemu->pid, status, 0);
			*status = 0;
			return 0;
		}
		(void)vm_signal_take(child_fd);
	}
	return 0;
}
