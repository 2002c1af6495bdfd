#include "snapshot/saver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/version.h"
#include "snapshot/manifest.h"
#include "snapshot/verify.h"
#include "vm/run.h"

#define BANDWIDTH (1LL << 40) /* bytes per second: unlimited, in effect */
#define TRICKLE 10            /* bytes per second: QEMU sends a page per 100 ms; less than 10 would mean unlimited */
#define LAST_MS 1000000       /* a downtime limit that any pass satisfies */
#define PIPE_SIZE (1 << 20)
#define SAVE_FD "save" /* the name of the pipe in QEMU */
#define EVENT_MS 200
#define UNDO_MS 10000

static int command(struct saver *s, const char *name, json_t *args, json_t **ret, struct err *e)
{
	return qmp_execute(&s->q, name, args, ret, s->deadline, e);
}

/* A machine is saved by one process at a time. */
static int lock(struct saver *s, const char *path, struct err *e)
{
	s->lock = open(path, O_RDONLY | O_CLOEXEC);
	if (s->lock < 0)
		return errno == ENOENT ? err_set(e, "no machine of vmstart is running there") : err_sys(e, "%s", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? err_set(e, "it is already being saved") : err_sys(e, "%s", path);
}

/* Finds the node behind the disk's device, which may be an overlay of an earlier save. */
static int find_node(struct saver *s, uint64_t *size, struct err *e)
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
	return s->node == NULL ? err_set(e, "no disk 'root' in QEMU") : 0;
}

/* The runtime directory first, then the saved state that the machine resumed from, then those of the caller. */
static int make_maps(struct saver *s, struct err *e)
{
	size_t n = 0, i;

	s->own_maps[n++] = (struct disks_map){ s->desc.run, s->run };
	if (s->desc.resumed != NULL)
		s->own_maps[n++] = (struct disks_map){ s->desc.resumed, s->desc.resumed };
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
			    e, "%s: a machine with a second writable disk cannot be saved", vm->disks[i].path);
	return 0;
}

static int open_disk(struct saver *s, struct err *e)
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
	return disks_prepare(&s->disks, !s->quit, size, e);
}

int saver_open(struct saver *s, struct err *e)
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
		 : err_set(e, "its status is '%.32s'; only a running or paused machine can be saved", word);
	json_decref(status);
	return rc < 0 ? -1 : open_disk(s, e);
}

static void *read_stream(void *arg)
{
	struct saver *s = arg;

	s->stream_rc = ramstream_split(&s->stream, &s->stream_err);
	/* If the reader has failed, QEMU must not wait for it. */
	(void)close(s->stream.in);
	return NULL;
}

/* Creates the files of the saved state and starts the thread that fills them. TO becomes QEMU's end of the pipe. */
static int start_reader(struct saver *s, int *to, struct err *e)
{
	AUTO_FREE char *ram = vm_run_path(NULL, s->out.tmp, SAVED_RAM);
	AUTO_FREE char *state = vm_run_path(NULL, s->out.tmp, SAVED_STATE);
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
		return err_set(e, "cannot create a thread");
	}
	s->reading = true;
	return 0;
}

/* Opens the overlay in QEMU while the machine still runs, to keep the pause short. */
static int add_overlay(struct saver *s, struct err *e)
{
	AUTO_FREE char *file = NULL;

	if (s->node == NULL || s->quit)
		return 0;
	file = disks_inside(&s->disks, s->disks.next);
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
 * BANDWIDTH is in bytes per second. QEMU syncs its dirty bitmap once it estimates that it can send what is left within
 * DOWNTIME_MS; with 0 it does not before nothing is left, and then it pauses the machine and sends the rest.
 */
static int set_pace(struct saver *s, int64_t bandwidth, int downtime_ms, struct err *e)
{
	return command(s, "migrate-set-parameters",
	    json_pack("{s:I, s:i}", "max-bandwidth", (json_int_t)bandwidth, "downtime-limit", downtime_ms), NULL, e);
}

void saver_hold(struct saver *s, bool held)
{
	if (s->held != held)
		(void)(held ? pthread_mutex_lock : pthread_mutex_unlock)(&s->stream.gate);
	s->held = held;
}

int saver_pause(struct saver *s, struct err *e)
{
	return s->phase != SAVER_SENDING ? 0 : command(s, "stop", NULL, NULL, e);
}

int saver_sync(struct saver *s, struct err *e)
{
	saver_hold(s, false);
	return s->phase != SAVER_SENDING ? 0 : set_pace(s, BANDWIDTH, 1, e);
}

int saver_unpause(struct saver *s, struct err *e)
{
	if (s->phase != SAVER_SENDING)
		return 0;
	/* QEMU may have synced more than once. */
	if (set_pace(s, TRICKLE, 0, e) < 0 || saver_poll(s, e) < 0)
		return -1;
	s->syncs_paused = s->syncs;
	return s->ran ? command(s, "cont", NULL, NULL, e) : 0;
}

int saver_send(struct saver *s, struct err *e)
{
	return s->phase != SAVER_SENDING ? 0 : set_pace(s, BANDWIDTH, 0, e);
}

int saver_last(struct saver *s, struct err *e)
{
	return s->phase != SAVER_SENDING ? 0 : set_pace(s, BANDWIDTH, LAST_MS, e);
}

int saver_start(struct saver *s, struct err *e)
{
	AUTO_CLOSE int to = -1;

	if (outdir_open(&s->out, s->dir, 0700, e) < 0)
		return -1;
	/* Locked, it is not removed as a leftover (base/outdir.h). saver_commit releases this lock for saved_record. */
	s->out_lock = open(s->out.tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->out_lock < 0 || flock(s->out_lock, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "%s", s->out.tmp);
	if (start_reader(s, &to, e) < 0 || add_overlay(s, e) < 0)
		return -1;
	if (command(s, "migrate-set-capabilities",
		json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability", "pause-before-switchover",
		    "state", 1, "capability", "x-ignore-shared", "state", 0),
		NULL, e) < 0 ||
	    qmp_give_fd(&s->q, SAVE_FD, to, s->deadline, e) < 0 || set_pace(s, TRICKLE, 0, e) < 0)
		return -1;
	/* From here on saver_free has something to undo. */
	s->sending = true;
	if (saver_pause(s, e) < 0)
		return -1;
	return command(s, "migrate", json_pack("{s:s}", "uri", "fd:" SAVE_FD), NULL, e);
}

/* The reader's error is more specific: QEMU only knows that the pipe was closed. */
static int failed(struct saver *s, const json_t *answer, struct err *e)
{
	const char *reason = json_string_value(json_object_get(answer, "error-desc"));

	if (s->reading) {
		saver_hold(s, false);
		(void)pthread_join(s->reader, NULL);
		s->reading = false;
	}
	if (s->stream_rc < 0) {
		*e = s->stream_err;
		return -1;
	}
	return err_set(e, "qemu: %s", reason != NULL ? reason : "migration failed");
}

int saver_poll(struct saver *s, struct err *e)
{
	json_t *answer, *ram;
	const char *word;
	int rc = 0;

	if (qmp_execute(&s->q, "query-migrate", NULL, &answer, s->deadline, e) < 0)
		return -1;
	word = json_string_value(json_object_get(answer, "status"));
	ram = json_object_get(answer, "ram");
	s->syncs = json_integer_value(json_object_get(ram, "dirty-sync-count"));
	s->left = (uint64_t)json_integer_value(json_object_get(ram, "remaining"));
	if (word == NULL)
		word = "";
	if (strcmp(word, "completed") == 0)
		s->phase = SAVER_SENT;
	else if (strcmp(word, "pre-switchover") == 0)
		s->phase = SAVER_STOPPED;
	else if (strcmp(word, "failed") == 0 || strcmp(word, "cancelled") == 0)
		rc = failed(s, answer, e);
	else
		s->phase = SAVER_SENDING;
	json_decref(answer);
	return rc;
}

static int64_t time_of(const json_t *event)
{
	const json_t *t = json_object_get(event, "timestamp");

	return json_integer_value(json_object_get(t, "seconds")) * 1000000 +
	       json_integer_value(json_object_get(t, "microseconds"));
}

/* The time for which the machine was paused, from the events STOP and RESUME. */
static int64_t count_pauses(struct saver *s)
{
	struct err ignored;
	json_t *stop, *resume;
	int64_t us = 0, until = now_ms() + EVENT_MS;

	while (qmp_event(&s->q, "STOP", &stop, now_ms(), &ignored) == 1) {
		if (qmp_event(&s->q, "RESUME", &resume, until, &ignored) == 1) {
			us += time_of(resume) - time_of(stop);
			json_decref(resume);
		}
		json_decref(stop);
	}
	return us;
}

int saver_switch(struct saver *s, struct err *e)
{
	if (s->overlay != NULL) {
		if (qmp_execute(&s->q, "blockdev-snapshot",
			json_pack("{s:s, s:s}", "node", s->node, "overlay", s->overlay), NULL, s->deadline, e) < 0)
			return -1;
		s->switched = true;
		if (disks_switch(&s->disks, e) < 0)
			return -1;
	}
	return qmp_execute(
	    &s->q, "migrate-continue", json_pack("{s:s}", "state", "pre-switchover"), NULL, s->deadline, e);
}

int saver_release(struct saver *s, struct err *e)
{
	enum vm_end how;
	int found;
	AUTO_CLOSE int pidfd = -1;
	AUTO_FREE char *pidfile = vm_run_path(NULL, s->run, VM_PIDFILE);

	s->sending = false;
	if (!s->quit) {
		if (qmp_execute(&s->q, "cont", NULL, NULL, s->deadline, e) < 0)
			return -1;
		/* After a migration only cont works: a machine that was paused before is paused again. */
		if (!s->ran)
			return qmp_execute(&s->q, "stop", NULL, NULL, s->deadline, e);
		s->pause_us = count_pauses(s);
		return 0;
	}
	s->ran = false;
	if (pidfile == NULL)
		return err_no_memory(e);
	found = vm_find(pidfile, &pidfd, e);
	if (found < 0)
		return -1;
	qmp_close(&s->q);
	return found == 0 ? 0 : vm_end(pidfd, s->qmp_path, 0, &how, e);
}

/* Writes the description: that of the machine, with the names of its disk in the saved state. */
static int describe(struct saver *s, const char *disk, json_t *base, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, s->out.tmp, VM_DESC);
	json_t *root = json_object_get(s->json, "root");

	if (path == NULL ||
	    (disk != NULL && (json_object_set_new(root, "saved", json_string(disk)) < 0 ||
				 json_object_set_new(root, "format",
				     json_string(disk[strlen(disk) - 1] == 'w' ? "raw" : "qcow2")) < 0 ||
				 json_object_set(root, "base", base) < 0)))
		return err_no_memory(e);
	if (json_object_set_new(s->json, "saved",
		json_pack("{s:I, s:s, s:I}", "time", (json_int_t)time(NULL), "by", KS_VERSION, "pages",
		    (json_int_t)s->stream.pages)) < 0)
		return err_no_memory(e);
	return vmdesc_write(path, s->json, e);
}

static int end_reader(struct saver *s, struct err *e)
{
	FILE *rest = s->stream.rest;

	if (s->reading)
		(void)pthread_join(s->reader, NULL);
	s->reading = false;
	s->stream.rest = NULL;
	if (s->stream_rc < 0) {
		*e = s->stream_err;
		(void)fclose(rest);
		return -1;
	}
	return fclose(rest) != 0 ? err_sys(e, "%s/" SAVED_STATE, s->dir) : 0;
}

int saver_commit(struct saver *s, struct err *e)
{
	AUTO_WORDS struct words files = { 0 };
	json_t *base = NULL;
	int rc;

	if (end_reader(s, e) < 0)
		return -1;
	if (s->stream.size != s->vm.memory)
		return err_set(e, "the memory that QEMU sent does not have the size of the machine's");
	if (s->node != NULL && disks_copy(&s->disks, s->out.tmp, &files, &base, e) < 0)
		return -1;
	rc = describe(s, files.n > 0 ? files.v[0] : NULL, base, e);
	json_decref(base);
	if (rc < 0)
		return -1;
	if (words_add(&files, SAVED_RAM) < 0 || words_add(&files, SAVED_STATE) < 0 || words_add(&files, VM_DESC) < 0)
		return err_no_memory(e);
	(void)close(s->out_lock);
	s->out_lock = -1;
	if (saved_record(s->out.tmp, (const char *const *)(void *)files.v, files.n, !s->no_sync, e) < 0)
		return -1;
	return outdir_commit(&s->out, e);
}

/* Cancels the migration and lets the machine run as before. */
static void undo(struct saver *s)
{
	int64_t deadline = now_ms() + UNDO_MS;
	struct err ignored;
	json_t *answer;
	const char *word;
	bool gone = false;

	/* The signal that cancels the save must not cancel this. */
	s->q.cancel[0] = -1;
	if (s->sending) {
		(void)qmp_execute(&s->q, "migrate_cancel", NULL, NULL, deadline, &ignored);
		while (!gone && ms_left(deadline) > 0) {
			if (qmp_execute(&s->q, "query-migrate", NULL, &answer, deadline, &ignored) < 0)
				break;
			/* There is no status if QEMU has not started. */
			word = json_string_value(json_object_get(answer, "status"));
			gone = word == NULL || strcmp(word, "cancelling") != 0;
			json_decref(answer);
			if (!gone)
				(void)nanosleep(&(struct timespec){ 0, 10 * 1000000 }, NULL);
		}
		if (s->ran)
			(void)qmp_execute(&s->q, "cont", NULL, NULL, deadline, &ignored);
	}
	/* Before the migration starts QEMU keeps its end of the pipe open, and the reader would wait for it forever. */
	if (s->reading)
		(void)qmp_execute(&s->q, "closefd", json_pack("{s:s}", "fdname", SAVE_FD), NULL, deadline, &ignored);
	if (s->overlay != NULL && !s->switched)
		(void)qmp_execute(
		    &s->q, "blockdev-del", json_pack("{s:s}", "node-name", s->overlay), NULL, deadline, &ignored);
}

void saver_free(struct saver *s)
{
	size_t i;

	saver_hold(s, false);
	if (s->q.fd >= 0) {
		undo(s);
		qmp_close(&s->q);
	}
	if (s->reading)
		(void)pthread_join(s->reader, NULL);
	if (s->stream.rest != NULL) {
		(void)fclose(s->stream.rest);
		s->stream.rest = NULL;
	}
	if (s->stream.size != 0 || s->stream.ram > 0)
		(void)close(s->stream.ram);
	if (s->out.tmp != NULL)
		outdir_abort(&s->out);
	if (s->out_lock >= 0)
		(void)close(s->out_lock);
	disks_free(&s->disks);
	vm_disk_free(&s->vm.root);
	for (i = 0; i < s->vm.ndisks; i++)
		vm_disk_free(&s->vm.disks[i]);
	free(s->vm.extra_);
	free(s->qmp_path);
	free(s->node);
	free(s->overlay);
	json_decref(s->json);
	if (s->lock >= 0)
		(void)close(s->lock);
}
