#include "snapshot/saver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "snapshot/resume.h"
#include "vm/run.h"

#define BANDWIDTH (1LL << 40) /* bytes a second: none, in effect */
#define PIPE_SIZE (1 << 20)
#define HELD 10         /* a page in a tenth of a second, of which QEMU counts the limit: one below 10 would be none */
#define LAST_MS 1000000 /* whatever is left */

static int command(struct vm_saver *s, const char *name, json_t *args, json_t **ret, struct err *e)
{
	return qmp_execute(&s->q, name, args, ret, s->deadline, e);
}

/* One save of a machine at a time. */
static int lock(struct vm_saver *s, const char *path, struct err *e)
{
	s->lock = open(path, O_RDONLY | O_CLOEXEC);
	if (s->lock < 0)
		return errno == ENOENT ? err_set(e, "no machine of vmstart's runs there") : err_sys(e, "%s", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? err_set(e, "it is being saved already") : err_sys(e, "%s", path);
}

/* What the disk's device uses now: an overlay of an earlier save, perhaps. */
static int find_node(struct vm_saver *s, uint64_t *size, struct err *e)
{
	json_t *list, *b, *inserted;
	const char *node;
	size_t i;

	if (command(s, "query-block", NULL, &list, e) < 0)
		return -1;
	json_array_foreach (list, i, b) {
		const char *qdev = json_string_value(json_object_get(b, "qdev"));

		inserted = json_object_get(b, "inserted");
		node = json_string_value(json_object_get(inserted, "node-name"));
		if (qdev == NULL || node == NULL || strstr(qdev, "/root-dev/") == NULL)
			continue;
		*size =
		    (uint64_t)json_integer_value(json_object_get(json_object_get(inserted, "image"), "virtual-size"));
		s->node = strdup(node);
	}
	json_decref(list);
	return s->node == NULL ? err_set(e, "QEMU has no disk 'root'") : 0;
}

/* The run directory first, then what the caller knows, then the state that the machine came from. */
static int make_maps(struct vm_saver *s, struct err *e)
{
	size_t n = 0, i;

	s->own_maps[n++] = (struct vm_map){ s->desc.run, s->run };
	if (s->desc.resumed != NULL)
		s->own_maps[n++] = (struct vm_map){ s->desc.resumed, s->desc.resumed };
	for (i = 0; i < s->nmaps; i++) {
		if (n == sizeof s->own_maps / sizeof *s->own_maps)
			return err_set(e, "too many maps");
		s->own_maps[n++] = s->maps[i];
	}
	s->disks.maps = s->own_maps;
	s->disks.nmaps = n;
	return 0;
}

static int check_disks(const struct vm *vm, struct err *e)
{
	size_t i;

	for (i = 0; i < vm->ndisks; i++)
		if (!vm->disks[i].readonly)
			return err_set(
			    e, "%s: a machine with a second disk that it writes to cannot be saved", vm->disks[i].path);
	return 0;
}

static int open_disk(struct vm_saver *s, struct err *e)
{
	uint64_t size = 0;

	if (check_disks(&s->vm, e) < 0 || s->vm.root.path == NULL)
		return s->vm.root.path == NULL ? 0 : -1;
	if (find_node(s, &size, e) < 0 || make_maps(s, e) < 0)
		return -1;
	s->disks.path = s->vm.root.path;
	s->disks.format = s->vm.root.format;
	s->disks.cancel_fd = s->cancel_fd;
	s->disks.deadline = s->deadline;
	return vm_disks_prepare(&s->disks, !s->quit, size, e);
}

int vm_saver_open(struct vm_saver *s, struct err *e)
{
	AUTO_FREE char *desc = vm_run_path(NULL, s->run, VM_DESC);
	json_t *status;
	const char *word;
	int rc;

	s->q.fd = s->lock = s->out_lock = -1;
	s->qmp_path = vm_run_path(NULL, s->run, VM_QMP);
	if (desc == NULL || s->qmp_path == NULL)
		return err_no_memory(e);
	if (lock(s, desc, e) < 0)
		return -1;
	s->json = vmdesc_read(desc, &s->vm, &s->desc, e);
	if (s->json == NULL || qmp_connect(&s->q, s->qmp_path, (const int[2]){ s->cancel_fd, -1 }, s->deadline, e) < 0)
		return -1;
	if (command(s, "query-status", NULL, &status, e) < 0)
		return -1;
	word = json_string_value(json_object_get(status, "status"));
	if (word == NULL)
		word = "";
	s->ran = strcmp(word, "running") == 0;
	rc = s->ran || strcmp(word, "paused") == 0
		 ? 0
		 : err_set(e, "it is '%.32s': only a machine that runs or is paused can be saved", word);
	json_decref(status);
	return rc < 0 ? -1 : open_disk(s, e);
}

static void *read_stream(void *arg)
{
	struct vm_saver *s = arg;

	s->stream_rc = ramstream_split(&s->stream, &s->stream_err);
	/* QEMU must not wait for a reader that has given up. */
	(void)close(s->stream.in);
	return NULL;
}

/* The files of the state, and who fills them. TO becomes QEMU's end of the pipe. */
static int start_reader(struct vm_saver *s, int *to, struct err *e)
{
	AUTO_FREE char *ram = vm_run_path(NULL, s->out.tmp, VM_SAVED_RAM);
	AUTO_FREE char *state = vm_run_path(NULL, s->out.tmp, VM_SAVED_STATE);
	int ends[2], fd;

	s->stream =
	    (struct ramstream){ .in = -1, .block = VM_MEMORY, .max = s->vm.memory, .gate = PTHREAD_MUTEX_INITIALIZER };
	if (ram == NULL || state == NULL)
		return err_no_memory(e);
	s->stream.ram = open(ram, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	fd = open(state, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	s->stream.rest = fd < 0 ? NULL : fdopen(fd, "w");
	if (s->stream.ram < 0 || s->stream.rest == NULL)
		return err_sys(e, "%s", s->out.tmp);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	(void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
	s->stream.in = ends[0];
	*to = ends[1];
	if (pthread_create(&s->reader, NULL, read_stream, s) != 0) {
		(void)close(ends[0]);
		return err_set(e, "no thread");
	}
	s->reading = true;
	return 0;
}

/* Opens the overlay before the machine stops: what is left to do then is quick. */
static int add_overlay(struct vm_saver *s, struct err *e)
{
	AUTO_FREE char *file = NULL;

	if (s->node == NULL || s->quit)
		return 0;
	file = vm_disks_inside(&s->disks, s->disks.next);
	if (file == NULL)
		return err_no_memory(e);
	if (asprintf(&s->overlay, "root-%llx", (unsigned long long)now_ms()) < 0) {
		s->overlay = NULL;
		return err_no_memory(e);
	}
	return command(s, "blockdev-add",
	    json_pack("{s:s, s:s, s:s, s:{s:b, s:b}, s:n, s:{s:s, s:s, s:s, s:{s:b, s:b}}}", "driver", "qcow2",
		"node-name", s->overlay, "discard", "unmap", "cache", "direct", 0, "no-flush", 1, "backing", "file",
		"driver", "file", "filename", file, "discard", "unmap", "cache", "direct", 0, "no-flush", 1),
	    NULL, e);
}

/*
 * BANDWIDTH in bytes a second. QEMU looks for changes when less is left than it takes MS to send by its own estimate;
 * with 0, not before nothing is left, and then it stops the machine and sends the rest.
 */
static int pace(struct vm_saver *s, int64_t bandwidth, int ms, struct err *e)
{
	return command(s, "migrate-set-parameters",
	    json_pack("{s:I, s:i}", "max-bandwidth", (json_int_t)bandwidth, "downtime-limit", ms), NULL, e);
}

void vm_saver_hold(struct vm_saver *s, bool held)
{
	if (s->held != held)
		(void)(held ? pthread_mutex_lock : pthread_mutex_unlock)(&s->stream.gate);
	s->held = held;
}

int vm_saver_freeze(struct vm_saver *s, struct err *e)
{
	return s->phase != VM_SENDING ? 0 : command(s, "stop", NULL, NULL, e);
}

int vm_saver_look(struct vm_saver *s, struct err *e)
{
	vm_saver_hold(s, false);
	return s->phase != VM_SENDING ? 0 : pace(s, BANDWIDTH, 1, e);
}

int vm_saver_thaw(struct vm_saver *s, struct err *e)
{
	if (s->phase != VM_SENDING)
		return 0;
	/* QEMU may have looked more than once. */
	if (pace(s, HELD, 0, e) < 0 || vm_saver_ask(s, e) < 0)
		return -1;
	s->looked = s->pass;
	return s->ran ? command(s, "cont", NULL, NULL, e) : 0;
}

int vm_saver_send(struct vm_saver *s, struct err *e)
{
	return s->phase != VM_SENDING ? 0 : pace(s, BANDWIDTH, 0, e);
}

int vm_saver_last(struct vm_saver *s, struct err *e)
{
	return s->phase != VM_SENDING ? 0 : pace(s, BANDWIDTH, LAST_MS, e);
}

int vm_saver_begin(struct vm_saver *s, struct err *e)
{
	AUTO_CLOSE int to = -1;

	if (outdir_open(&s->out, s->dir, 0700, e) < 0)
		return -1;
	/* Locked, it is nobody's leftover; until vmdir_seal locks it for itself. */
	s->out_lock = open(s->out.tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->out_lock < 0 || flock(s->out_lock, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "%s", s->out.tmp);
	if (start_reader(s, &to, e) < 0 || add_overlay(s, e) < 0)
		return -1;
	if (command(s, "migrate-set-capabilities",
		json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability", "pause-before-switchover",
		    "state", 1, "capability", "x-ignore-shared", "state", 0),
		NULL, e) < 0 ||
	    qmp_give_fd(&s->q, "save", to, s->deadline, e) < 0 || pace(s, HELD, 0, e) < 0)
		return -1;
	/* From here on there is something to undo, whatever fails. */
	s->sending = true;
	if (vm_saver_freeze(s, e) < 0)
		return -1;
	return command(s, "migrate", json_pack("{s:s}", "uri", "fd:save"), NULL, e);
}
