#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/version.h"
#include "snapshot/dir.h"
#include "snapshot/resume.h"
#include "vm/run.h"
#include "snapshot/saver.h"

#define UNDO_MS 10000

/* The description of what was saved: the machine's, and what there is of its disk. */
static int describe(struct vm_saver *s, const char *disk, json_t *base, struct err *e)
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

static int end_reader(struct vm_saver *s, struct err *e)
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
	return fclose(rest) != 0 ? err_sys(e, "%s/" VM_SAVED_STATE, s->dir) : 0;
}

int vm_saver_finish(struct vm_saver *s, struct err *e)
{
	AUTO_WORDS struct words files = { 0 };
	json_t *base = NULL;
	int rc;

	if (end_reader(s, e) < 0)
		return -1;
	if (s->stream.size != s->vm.memory)
		return err_set(e, "QEMU has sent another memory than the machine's");
	if (s->node != NULL && vm_disks_copy(&s->disks, s->out.tmp, &files, &base, e) < 0)
		return -1;
	rc = describe(s, files.n > 0 ? files.v[0] : NULL, base, e);
	json_decref(base);
	if (rc < 0)
		return -1;
	if (words_add(&files, VM_SAVED_RAM) < 0 || words_add(&files, VM_SAVED_STATE) < 0 ||
	    words_add(&files, VM_DESC) < 0)
		return err_no_memory(e);
	(void)close(s->out_lock);
	s->out_lock = -1;
	if (vmdir_seal(s->out.tmp, (const char *const *)(void *)files.v, files.n, !s->no_sync, e) < 0)
		return -1;
	return outdir_commit(&s->out, e);
}

/* The machine runs as it did before. */
static void undo(struct vm_saver *s)
{
	int64_t deadline = now_ms() + UNDO_MS;
	struct err ignored;
	json_t *answer;
	const char *word;
	bool gone = false;

	/* A signal that ends the save must not end this. */
	s->q.cancel[0] = -1;
	if (s->sending) {
		(void)qmp_execute(&s->q, "migrate_cancel", NULL, NULL, deadline, &ignored);
		while (!gone && ms_left(deadline) > 0) {
			if (qmp_execute(&s->q, "query-migrate", NULL, &answer, deadline, &ignored) < 0)
				break;
			/* There is none if QEMU has not begun. */
			word = json_string_value(json_object_get(answer, "status"));
			gone = word == NULL || strcmp(word, "cancelling") != 0;
			json_decref(answer);
			if (!gone)
				(void)nanosleep(&(struct timespec){ 0, 10 * 1000000 }, NULL);
		}
		if (s->ran)
			(void)qmp_execute(&s->q, "cont", NULL, NULL, deadline, &ignored);
	}
	if (s->overlay != NULL && !s->switched)
		(void)qmp_execute(
		    &s->q, "blockdev-del", json_pack("{s:s}", "node-name", s->overlay), NULL, deadline, &ignored);
}

void vm_saver_free(struct vm_saver *s)
{
	size_t i;

	vm_saver_hold(s, false);
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
	vm_disks_free(&s->disks);
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
