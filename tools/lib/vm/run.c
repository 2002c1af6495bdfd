#include "vm/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "vm/qmp.h"

#define PRESS_MS 5000    /* between two presses of the power button */
#define QUIT_MS 2000     /* for QMP's quit: it answers immediately unless it serves another client */
#define END_MS 5000      /* for QEMU to close its disks */
#define LOG_TEXT_MAX 900 /* bytes of QEMU's messages; they have to fit into a struct err */

char *vm_run_path(const char *given, const char *run, const char *name)
{
	char *path = NULL;

	if (given != NULL)
		return strdup(given);
	return asprintf(&path, "%s/%s", run, name) < 0 ? NULL : path;
}

void vm_clean(const struct vm_files *files)
{
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof files->sockets / sizeof *files->sockets; i++)
		if (files->sockets[i] != NULL && lstat(files->sockets[i], &st) == 0 && S_ISSOCK(st.st_mode))
			(void)unlink(files->sockets[i]);
	if (files->pidfile != NULL)
		(void)unlink(files->pidfile);
	if (files->desc != NULL)
		(void)unlink(files->desc);
}

/* Returns the pid of the process that locks FD, 0 when none does, or -1. */
static pid_t lock_holder(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &l) < 0)
		return -1;
	return l.l_type == F_UNLCK ? 0 : l.l_pid;
}

int vm_find(const char *pidfile, int *pidfd, struct err *e)
{
	AUTO_CLOSE int fd = open(pidfile, O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(e, "%s", pidfile);
	pid = lock_holder(fd);
	if (pid == 0)
		return 0;
	if (pid < 0)
		return err_set(e, "%s: locked by a process in another PID namespace", pidfile);
	*pidfd = pidfd_open(pid, 0);
	if (*pidfd < 0)
		return errno == ESRCH ? 0 : err_sys(e, "%s: process %ld", pidfile, (long)pid);
	/* The process held the lock before and after pidfd_open, so the descriptor is for this process. */
	if (lock_holder(fd) == pid)
		return 1;
	(void)close(*pidfd);
	*pidfd = -1;
	return 0;
}

/* Adds a line of QEMU's log to TEXT, separated by "; ". Leaves out the program's name and warnings. */
static void add_line(char text[LOG_TEXT_MAX], char *line, const char *program)
{
	const char *base = strrchr(program, '/');
	size_t n, used = strlen(text);

	base = base == NULL ? program : base + 1;
	n = strlen(base);
	line[strcspn(line, "\r\n")] = '\0';
	if (strncmp(line, base, n) == 0 && strncmp(line + n, ": ", 2) == 0)
		line += n + 2;
	if (line[0] == '\0' || strncmp(line, "warning: ", 9) == 0)
		return;
	(void)snprintf(text + used, LOG_TEXT_MAX - used, "%s%s", used > 0 ? "; " : "", line);
}

int vm_qemu_error(const char *log, const char *program, int status, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(log, "re");
	AUTO_FREE char *line = NULL;
	char text[LOG_TEXT_MAX] = "";
	size_t room = 0;

	while (f != NULL && getline(&line, &room, f) > 0)
		add_line(text, line, program);
	if (WIFSIGNALED(status))
		return err_set(e, "qemu: killed by signal %d%s%s", WTERMSIG(status), text[0] != '\0' ? ": " : "", text);
	/* QEMU's messages say more than its exit code. */
	if (text[0] != '\0')
		return err_set(e, "qemu: %s", text);
	return err_set(e, "qemu: ended with exit code %d", WEXITSTATUS(status));
}

static bool has_ended(int pidfd, int64_t deadline)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ms_left(deadline));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

/* True if the VM has been saved, after which it must not run again. */
static bool is_saved(struct qmp *q, int64_t deadline)
{
	struct err ignored;
	json_t *status = NULL;
	const char *word;
	bool saved;

	if (qmp_execute(q, "query-status", NULL, &status, deadline, &ignored) < 0)
		return false;
	word = json_string_value(json_object_get(status, "status"));
	saved = word != NULL && strcmp(word, "postmigrate") == 0;
	json_decref(status);
	return saved;
}

/*
 * Sends one command on a new connection. Returns 0, or -1. With UNLESS_SAVED, returns 1 instead if the VM has been
 * saved.
 */
static int send_command(int pidfd, const char *qmp, const char *command, bool unless_saved, int64_t deadline)
{
	struct err ignored;
	struct qmp q;
	int rc;

	if (qmp_connect(&q, qmp, (const int[2]){ pidfd, -1 }, deadline, &ignored) < 0)
		return -1;
	rc = unless_saved && is_saved(&q, deadline) ? 1 : qmp_execute(&q, command, NULL, NULL, deadline, &ignored);
	qmp_close(&q);
	return rc;
}

/* Presses the power button until DEADLINE. If the result is VM_LATE or VM_ENDED, QEMU is still running. */
static enum vm_end shut_down(int pidfd, const char *qmp, int64_t deadline)
{
	int64_t next;

	while (ms_left(deadline) > 0) {
		next = now_ms() + PRESS_MS;
		if (next > deadline)
			next = deadline;
		if (send_command(pidfd, qmp, "system_powerdown", true, next) == 1)
			return VM_ENDED;
		if (has_ended(pidfd, next))
			return VM_SHUT_DOWN;
	}
	return VM_LATE;
}

int vm_end(int pidfd, const char *qmp, int64_t grace_ms, enum vm_end *how, struct err *e)
{
	*how = VM_ENDED;
	if (grace_ms > 0)
		*how = shut_down(pidfd, qmp, now_ms() + grace_ms);
	if (*how == VM_SHUT_DOWN)
		return 0;
	/* SIGTERM has the same effect as quit. */
	if (send_command(pidfd, qmp, "quit", false, now_ms() + QUIT_MS) != 0)
		(void)pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
	if (has_ended(pidfd, now_ms() + END_MS))
		return 0;
	(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	return has_ended(pidfd, now_ms() + END_MS) ? 0 : err_set(e, "QEMU is still running after SIGKILL");
}
