#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/readfile.h"

#define TEXT_MAX (1024 * 1024)

/* Inherited descriptors, such as those of make's jobserver, may lack the close-on-exec flag. */
static void close_rest_on_exec(void)
{
	int fd, max;

	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	max = (int)sysconf(_SC_OPEN_MAX);
	for (fd = 3; fd < max; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Runs in the new process, where only async-signal-safe calls are allowed. Does not return. */
static void become(char *const argv[], const int fds[3], int death_signal, int report)
{
	static const int defaults[] = { SIGINT, SIGQUIT, SIGPIPE, SIGHUP, SIGTERM, SIGCHLD };
	sigset_t none;
	size_t i;
	int saved;

	for (i = 0; i < sizeof defaults / sizeof *defaults; i++)
		(void)signal(defaults[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	if (death_signal != 0)
		(void)prctl(PR_SET_PDEATHSIG, death_signal);
	for (i = 0; i < 3; i++)
		if (dup2(fds[i], (int)i) < 0)
			goto failed;
	close_rest_on_exec();
	(void)execvp(argv[0], argv);
failed:
	saved = errno;
	(void)!write(report, &saved, sizeof saved);
	_exit(127);
}

/* Duplicates FD above the standard descriptors, so that dup2 in the child overwrites none that it still needs. */
static int above(int fd, int null)
{
	return fcntl(fd < 0 ? null : fd, F_DUPFD_CLOEXEC, 3);
}

static int read_report(int fd)
{
	int value = 0;
	ssize_t n;

	do
		n = read(fd, &value, sizeof value);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof value ? value : 0;
}

static int start(struct child *c, char *const argv[], const int fds[3], int death_signal, struct err *e)
{
	AUTO_CLOSE int from = -1;
	AUTO_CLOSE int to = -1;
	int pipefd[2];

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	from = pipefd[0];
	to = fcntl(pipefd[1], F_DUPFD_CLOEXEC, 3);
	(void)close(pipefd[1]);
	if (to < 0)
		return err_sys(e, "pipe");
	c->pid = fork();
	if (c->pid < 0)
		return err_sys(e, "fork");
	if (c->pid == 0)
		become(argv, fds, death_signal, to);
	(void)close(to);
	to = -1;
	errno = read_report(from);
	if (errno != 0) {
		(void)err_sys(e, "%s", argv[0]);
		(void)waitpid(c->pid, NULL, 0);
		c->pid = -1;
		return -1;
	}
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0) {
		(void)err_sys(e, "pidfd_open");
		child_kill(c);
		return -1;
	}
	return 0;
}

int child_start(struct child *c, char *const argv[], const struct child_io *io, int death_signal, struct err *e)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_CLOSE int in = above(io->in, null);
	AUTO_CLOSE int out = above(io->out, null);
	AUTO_CLOSE int error = above(io->err, null);

	*c = (struct child){ -1, -1 };
	if (in < 0 || out < 0 || error < 0)
		return err_sys(e, "/dev/null");
	return start(c, argv, (const int[3]){ in, out, error }, death_signal, e);
}

int child_wait(const struct child *c, int64_t deadline, int *status, struct err *e)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ms_left(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "poll");
	if (n == 0)
		return 0;
	if (waitpid(c->pid, status, 0) < 0)
		return err_sys(e, "waitpid");
	return 1;
}

void child_kill(struct child *c)
{
	if (c->pid > 0) {
		/* C leads its process group, because become() has called setsid. */
		(void)kill(-c->pid, SIGKILL);
		(void)kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	if (c->pidfd >= 0)
		(void)close(c->pidfd);
	*c = (struct child){ -1, -1 };
}

/*
 * A file in memory for the output of a child. Unlike a pipe it does not have to be read while the child runs, and the
 * seal keeps it from growing beyond TEXT_MAX. Returns its descriptor, or -1.
 */
static int text_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, TEXT_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/*
 * Reads what was written to the file FD; the NULs behind it end the string. Opening the file again gives it an offset
 * of its own: that of FD is shared with descendants that may still be writing.
 */
static int read_text(int fd, char **text, struct err *e)
{
	AUTO_CLOSE int own = -1;
	char path[32];
	size_t n;

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return err_sys(e, "%s", path);
	return read_fd(own, "output", TEXT_MAX, text, &n, e);
}

/* Returns 0 when C has ended, or -1 at DEADLINE or when CANCEL_FD is readable. */
static int wait_or_cancel(const struct child *c, int cancel_fd, int64_t deadline, struct err *e)
{
	struct pollfd p[2] = { { .fd = c->pidfd, .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };
	int n;

	do
		n = poll(p, 2, ms_left(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "poll");
	if (n == 0)
		return err_set(e, "timed out");
	return p[0].revents != 0 ? 0 : err_set(e, "interrupted");
}

int child_run(char *const argv[], int cancel_fd, int64_t deadline, struct child_text *text, int *status, struct err *e)
{
	AUTO_CLOSE int out = text_file("out");
	AUTO_CLOSE int error = text_file("err");
	struct child c;
	int rc;

	*text = (struct child_text){ NULL, NULL };
	if (out < 0 || error < 0)
		return err_sys(e, "memfd_create");
	if (child_start(&c, argv, &(struct child_io){ -1, out, error }, SIGKILL, e) < 0)
		return -1;
	if (wait_or_cancel(&c, cancel_fd, deadline, e) < 0) {
		child_kill(&c);
		return err_prefix(e, "%s", argv[0]);
	}
	rc = child_wait(&c, deadline, status, e);
	(void)close(c.pidfd);
	if (rc < 0)
		return -1;
	if (read_text(out, &text->out, e) == 0 && read_text(error, &text->err, e) == 0)
		return 0;
	free(text->out);
	free(text->err);
	*text = (struct child_text){ NULL, NULL };
	return err_prefix(e, "%s", argv[0]);
}
