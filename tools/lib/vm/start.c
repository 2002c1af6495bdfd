#include "vm/start.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "vm/qmp.h"
#include "vm/holes.h"

#define ASK_MS 100   /* between two questions about the state */
#define WORDS 900    /* no more of QEMU's words than fit an error */
#define DYING_MS 500 /* a QEMU that has closed its QMP socket is about to end */

/* Adds a line of QEMU's log to TEXT, without the program's name; lines are parted by "; ". */
static void add_line(char text[WORDS], char *line, const char *program)
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
	(void)snprintf(text + used, WORDS - used, "%s%s", used > 0 ? "; " : "", line);
}

int vm_launch_words(const char *log, const char *program, int status, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(log, "re");
	AUTO_FREE char *line = NULL;
	char text[WORDS] = "";
	size_t room = 0;

	while (f != NULL && getline(&line, &room, f) > 0)
		add_line(text, line, program);
	if (WIFSIGNALED(status))
		return err_set(e, "qemu: killed by signal %d%s%s", WTERMSIG(status), text[0] != '\0' ? ": " : "", text);
	/* Its own words say more than the exit code does. */
	if (text[0] != '\0')
		return err_set(e, "qemu: %s", text);
	return err_set(e, "qemu: ended with exit code %d", WEXITSTATUS(status));
}

/* Asks until the answer is "running". Returns 0 or -1. */
static int wait_running(struct qmp *q, int64_t deadline, struct err *e)
{
	json_t *status;
	const char *word;
	bool runs;
	int64_t next;

	for (;;) {
		if (qmp_execute(q, "query-status", NULL, &status, deadline, e) < 0)
			return -1;
		word = json_string_value(json_object_get(status, "status"));
		runs = word != NULL && strcmp(word, "running") == 0;
		if (!runs)
			(void)err_set(e, "qemu says '%.32s'", word != NULL ? word : "");
		json_decref(status);
		if (runs)
			return 0;
		if (ms_left(deadline) == 0)
			return -1;
		next = now_ms() + ASK_MS;
		if (qmp_event(q, "RESUME", NULL, next < deadline ? next : deadline, e) < 0)
			return -1;
	}
}

static int ask_version(struct qmp *q, struct vm_launch *l, struct err *e)
{
	int major, minor, micro;
	json_t *answer;
	int rc;

	if (qmp_execute(q, "query-version", NULL, &answer, l->deadline, e) < 0)
		return -1;
	rc = json_unpack(answer, "{s:{s:i, s:i, s:i}}", "qemu", "major", &major, "minor", &minor, "micro", &micro);
	json_decref(answer);
	if (rc < 0)
		return err_set(e, "qmp: query-version: no version");
	(void)snprintf(l->version, sizeof l->version, "%d.%d.%d", major, minor, micro);
	return 0;
}

static int open_log(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, "%s", path) : fd;
}

int vm_launch(struct vm_launch *l, struct child *qemu, struct err *e)
{
	AUTO_CLOSE int log = open_log(l->log, e);
	struct err other = { 0 };
	struct qmp q;
	int64_t dying;
	int rc, status;

	/* QEMU is the last program that is started here. */
	if (l->saved_ram != NULL)
		vm_holes(l->saved_ram);
	if (log < 0 || child_start(qemu, l->command->v, &(struct child_io){ -1, -1, log }, l->death_signal, e) < 0)
		return -1;
	rc = qmp_connect(&q, l->qmp, (const int[2]){ l->cancel_fd, qemu->pidfd }, l->deadline, e);
	if (rc == 0) {
		rc = ask_version(&q, l, e);
		if (rc == 0 && l->bring != NULL)
			rc = l->bring(&q, l->arg, l->deadline, e);
		if (rc == 0)
			rc = wait_running(&q, l->deadline, e);
		qmp_close(&q);
	}
	if (rc == 0)
		return 0;
	dying = now_ms() + DYING_MS;
	if (child_wait(qemu, dying < l->deadline ? dying : l->deadline, &status, &other) == 1) {
		(void)close(qemu->pidfd);
		*qemu = (struct child){ -1, -1 };
		return vm_launch_words(l->log, l->command->v[0], status, e);
	}
	child_kill(qemu);
	return -1;
}
