#include "vm/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "vm/command_line.h"
#include "vm/description.h"
#include "vm/disk_image.h"
#include "vm/overlays.h"
#include "vm/run.h"

#define ASK_MS 100     /* between two queries of the machine's state */
#define DYING_MS 500   /* for QEMU to end after it has closed its QMP socket */
#define READONLY_RAM 9 /* the first version of QEMU that has readonly=on,rom=off for the file of the RAM */

/* Creates the runtime directory, and locks it for the lifetime of this process. */
static int lock_run(struct vm_start *s, struct err *e)
{
	if (mkdir(s->run, 0700) == 0)
		s->created_run = true;
	else if (errno != EEXIST)
		return err_sys(e, "%s", s->run);
	s->run_fd = open(s->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->run_fd < 0)
		return err_sys(e, "%s", s->run);
	if (flock(s->run_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? err_set(e, "%s: a VM is already running there", s->run)
				    : err_sys(e, "%s", s->run);
}

/* Prepares the runtime directory: locks it, and removes what an earlier VM has left. */
static int prepare_run(struct vm_start *s, struct err *e)
{
	AUTO_CLOSE int pidfd = -1;
	int rc;

	if (lock_run(s, e) < 0)
		return -1;
	/* A vmstart without --foreground has released its lock. */
	rc = vm_find(s->vm->pidfile, &pidfd, e);
	if (rc != 0)
		return rc < 0 ? -1 : err_set(e, "%s: a VM is already running there", s->run);
	s->log = vm_run_path(NULL, s->run, VM_LOG);
	s->desc = vm_run_path(NULL, s->run, VM_DESC);
	if (s->log == NULL || s->desc == NULL)
		return err_no_memory(e);
	vm_start_clean(s);
	s->created_files = true;
	return 0;
}

/* Creates the overlay, unless DRY. */
static int create_overlay(struct vm_start *s, bool dry, struct err *e)
{
	(void)strcpy(s->vm->root.format, "qcow2");
	if (dry)
		return 0;
	vm_overlays_remove(s->disk);
	if (vmimg_overlay(s->disk, s->backing, s->backing_format, s->disk_size, s->cancel_fd, s->deadline, e) < 0)
		return err_prefix(e, "%s", s->disk);
	s->created_disk = true;
	return 0;
}

static int prepare_root(struct vm_start *s, bool dry, struct err *e)
{
	struct vm_disk *root = &s->vm->root;

	if (s->disk == NULL)
		return 0;
	root->path = strdup(s->disk);
	if (root->path == NULL)
		return err_no_memory(e);
	if (s->backing != NULL && !(s->keep_disk && access(s->disk, F_OK) == 0))
		return create_overlay(s, dry, e);
	if (s->disk_format != NULL)
		(void)strcpy(root->format, s->disk_format);
	return vm_overlay_top(s->disk, &root->top, e);
}

static int detect_format(const struct vm_start *s, struct vm_disk *d, struct err *e)
{
	struct vmimg img;

	if (d->path == NULL || d->format[0] != '\0')
		return 0;
	if (vmimg_info(&img, d->path, s->cancel_fd, s->deadline, e) < 0)
		return -1;
	if (!vm_format_ok(img.format))
		return err_set(e, "%s: format %s is not supported; it must be raw or qcow2", d->path, img.format);
	(void)strcpy(d->format, img.format);
	return 0;
}

static int prepare_disks(struct vm_start *s, bool dry, struct err *e)
{
	size_t i;

	if (prepare_root(s, dry, e) < 0 || detect_format(s, &s->vm->root, e) < 0)
		return -1;
	for (i = 0; i < s->vm->ndisks; i++)
		if (detect_format(s, &s->vm->disks[i], e) < 0)
			return -1;
	return 0;
}

/*
 * Has the library ramholes.so preloaded into QEMU for the file RAM, if the library is in the directory of this program:
 * see tools/preload/ramholes.c. It comes before libraries that are already preloaded.
 */
static void preload_ramholes(const char *ram)
{
	static const char name[] = "ramholes.so";
	const char *others = getenv("LD_PRELOAD");
	AUTO_FREE char *all = NULL;
	char path[PATH_MAX + sizeof name];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *base;

	if (n <= 0)
		return;
	path[n] = '\0';
	base = strrchr(path, '/');
	if (base == NULL)
		return;
	(void)strcpy(base + 1, name);
	/* Colons and spaces separate the names in LD_PRELOAD: ld.so(8). */
	if (strpbrk(path, ": ") != NULL || access(path, R_OK) < 0)
		return;
	if (asprintf(&all, "%s%s%s", path, others != NULL ? ":" : "", others != NULL ? others : "") < 0) {
		all = NULL;
		return;
	}
	(void)setenv("RAMHOLES", ram, 1);
	(void)setenv("LD_PRELOAD", all, 1);
}

static int query_version(struct vm_start *s, struct qmp *q, struct err *e)
{
	int major, minor, micro;
	json_t *answer;
	int rc;

	if (qmp_execute(q, "query-version", NULL, &answer, s->deadline, e) < 0)
		return -1;
	rc = json_unpack(answer, "{s:{s:i, s:i, s:i}}", "qemu", "major", &major, "minor", &minor, "micro", &micro);
	json_decref(answer);
	if (rc < 0)
		return err_set(e, "qmp: query-version: no version in the answer");
	(void)snprintf(s->version, sizeof s->version, "%d.%d.%d", major, minor, micro);
	return 0;
}

/*
 * Replaces an alias such as "q35", which is the newest machine type of QEMU, by the versioned type: saved state resumes
 * only in a machine of the same type. The QOM type of the machine object is that name and "-machine".
 */
static int query_machine(struct vm_start *s, struct qmp *q, struct err *e)
{
	static const char suffix[] = "-machine";
	json_t *answer;
	const char *type;
	size_t n;

	if (strchr(s->vm->machine, '.') != NULL)
		return 0;
	if (qmp_execute(q, "qom-get", json_pack("{s:s, s:s}", "path", "/machine", "property", "type"), &answer,
		s->deadline, e) < 0)
		return -1;
	type = json_string_value(answer);
	n = type == NULL ? 0 : strlen(type);
	if (n > sizeof suffix - 1 && strcmp(type + n - (sizeof suffix - 1), suffix) == 0)
		n -= sizeof suffix - 1;
	if (n > 0 && n < sizeof s->machine) {
		(void)memcpy(s->machine, type, n);
		s->machine[n] = '\0';
		s->vm->machine = s->machine;
	}
	json_decref(answer);
	return n > 0 && n < sizeof s->machine ? 0 : err_set(e, "qmp: qom-get: no machine type in the answer");
}

/* Waits until the machine is running. Returns 0 or -1. */
static int wait_running(struct qmp *q, int64_t deadline, struct err *e)
{
	json_t *status;
	const char *word;
	bool running;
	int64_t next;

	for (;;) {
		if (qmp_execute(q, "query-status", NULL, &status, deadline, e) < 0)
			return -1;
		word = json_string_value(json_object_get(status, "status"));
		running = word != NULL && strcmp(word, "running") == 0;
		if (!running)
			(void)err_set(e, "qemu: the machine's status is '%.32s'", word != NULL ? word : "");
		json_decref(status);
		if (running)
			return 0;
		if (ms_left(deadline) == 0)
			return -1;
		next = now_ms() + ASK_MS;
		if (qmp_event(q, "RESUME", NULL, next < deadline ? next : deadline, e) < 0)
			return -1;
	}
}

/* Brings a QEMU process to a running machine. Returns 0 or -1. */
static int bring(struct vm_start *s, const struct child *qemu, struct err *e)
{
	struct qmp q;
	int rc;

	if (qmp_connect(&q, s->vm->qmp, (const int[2]){ s->cancel_fd, qemu->pidfd }, s->deadline, e) < 0)
		return -1;
	rc = query_version(s, &q, e);
	if (rc == 0)
		rc = query_machine(s, &q, e);
	if (rc == 0 && s->bring != NULL)
		rc = s->bring(&q, s->arg, s->deadline, e);
	if (rc == 0)
		rc = wait_running(&q, s->deadline, e);
	qmp_close(&q);
	return rc;
}

/* After a failure: makes sure that QEMU has ended. If it ended by itself, its messages become the error. */
static void end_qemu(const struct vm_start *s, struct child *qemu, struct err *e)
{
	int64_t dying = now_ms() + DYING_MS;
	struct err ignored;
	int status;

	if (child_wait(qemu, dying < s->deadline ? dying : s->deadline, &status, &ignored) != 1) {
		child_kill(qemu);
		return;
	}
	(void)close(qemu->pidfd);
	*qemu = (struct child){ -1, -1 };
	(void)vm_qemu_error(s->log, s->vm->qemu, status, e);
}

/* Runs QEMU until the machine runs. Returns 0, or -1: no QEMU is left. */
static int launch(struct vm_start *s, const struct args *command, struct child *qemu, struct err *e)
{
	AUTO_CLOSE int log = open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	if (log < 0)
		return err_sys(e, "%s", s->log);
	/* This changes the environment of every later child, but QEMU is the last one. */
	if (s->vm->ram != NULL)
		preload_ramholes(s->vm->ram);
	if (child_start(qemu, command->v, &(struct child_io){ -1, -1, log }, s->death_signal, e) < 0)
		return -1;
	if (bring(s, qemu, e) == 0)
		return 0;
	end_qemu(s, qemu, e);
	return -1;
}

static int write_description(const struct vm_start *s, struct err *e)
{
	json_t *desc = vmdesc_new(s->vm, s->run, s->resumed, s->version, e);
	int rc = desc == NULL ? -1 : vmdesc_write(s->desc, desc, e);

	json_decref(desc);
	return rc;
}

/* Removes what a start that failed has created, including the files that QEMU has created. */
static void undo(const struct vm_start *s)
{
	struct stat log;

	if (s->created_files) {
		vm_start_clean(s);
		(void)unlink(s->log);
		/* If the guest has printed anything the console log may be of use. */
		if (stat(s->vm->console, &log) == 0 && log.st_size == 0)
			(void)unlink(s->vm->console);
	}
	if (s->created_disk)
		(void)unlink(s->disk);
	if (s->created_run)
		(void)rmdir(s->run);
}

/*
 * Finds out whether QEMU can map the saved RAM from a file that it opens only for reading. Older versions open it for
 * writing too, although they do not write to it. A QEMU that does not say its version counts as an older one.
 */
static void prepare_ram(const struct vm_start *s)
{
	char option[] = "--version";
	char *const argv[] = { (char *)(uintptr_t)s->vm->qemu, option, NULL };
	struct child_text text;
	struct err ignored;
	int status, major = 0;

	if (s->vm->ram == NULL || child_run(argv, s->cancel_fd, s->deadline, &text, &status, &ignored) < 0)
		return;
	if (sscanf(text.out, "QEMU emulator version %d", &major) == 1)
		s->vm->ram_readonly = major >= READONLY_RAM;
	free(text.out);
	free(text.err);
}

/* Everything up to the command line. DRY: creates nothing. */
static int prepare(struct vm_start *s, bool dry, struct args *command, struct err *e)
{
	if (prepare_disks(s, dry, e) < 0)
		return -1;
	prepare_ram(s);
	return vm_command_line(s->vm, command, e);
}

int vm_start(struct vm_start *s, struct child *qemu, struct err *e)
{
	struct args command = { 0 };
	int rc = -1;

	if (prepare_run(s, e) == 0 && prepare(s, false, &command, e) == 0)
		rc = launch(s, &command, qemu, e);
	/* The description comes last: when it exists, the machine is running. */
	if (rc == 0 && write_description(s, e) < 0) {
		child_kill(qemu);
		rc = -1;
	}
	args_free(&command);
	if (rc < 0)
		undo(s);
	return rc;
}

int vm_start_command(struct vm_start *s, struct args *a, struct err *e)
{
	return prepare(s, true, a, e);
}

void vm_start_clean(const struct vm_start *s)
{
	const struct vm *vm = s->vm;

	vm_clean(&(struct vm_files){ { vm->qmp, vm->agent, vm->console_socket }, vm->pidfile, s->desc });
}

void vm_start_free(struct vm_start *s)
{
	free(s->log);
	free(s->desc);
	s->log = NULL;
	s->desc = NULL;
	if (s->run_fd >= 0)
		(void)close(s->run_fd);
	s->run_fd = -1;
}
