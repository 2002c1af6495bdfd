#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "vm/run.h"
#include "snapshot/saver.h"

#define EVENT_MS 200

/* The reader's reason is the better one: QEMU sees only that nobody reads any more. */
static int failed(struct vm_saver *s, const json_t *answer, struct err *e)
{
	const char *words = json_string_value(json_object_get(answer, "error-desc"));

	if (s->reading) {
		vm_saver_hold(s, false);
		(void)pthread_join(s->reader, NULL);
		s->reading = false;
	}
	if (s->stream_rc < 0) {
		*e = s->stream_err;
		return -1;
	}
	return err_set(e, "qemu: %s", words != NULL ? words : "could not save it");
}

int vm_saver_ask(struct vm_saver *s, struct err *e)
{
	json_t *answer, *ram;
	const char *word;
	int rc = 0;

	if (qmp_execute(&s->q, "query-migrate", NULL, &answer, s->deadline, e) < 0)
		return -1;
	word = json_string_value(json_object_get(answer, "status"));
	ram = json_object_get(answer, "ram");
	s->pass = json_integer_value(json_object_get(ram, "dirty-sync-count"));
	s->left = (uint64_t)json_integer_value(json_object_get(ram, "remaining"));
	if (word == NULL)
		word = "";
	if (strcmp(word, "completed") == 0)
		s->phase = VM_SAVED;
	else if (strcmp(word, "pre-switchover") == 0)
		s->phase = VM_STOPPED;
	else if (strcmp(word, "failed") == 0 || strcmp(word, "cancelled") == 0)
		rc = failed(s, answer, e);
	else
		s->phase = VM_SENDING;
	json_decref(answer);
	return rc;
}

static int64_t time_of(const json_t *event)
{
	const json_t *t = json_object_get(event, "timestamp");

	return json_integer_value(json_object_get(t, "seconds")) * 1000000 +
	       json_integer_value(json_object_get(t, "microseconds"));
}

/* The time for which the machine has stood still: QEMU says when it stops and when it goes on. */
static int64_t count_pauses(struct vm_saver *s)
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

int vm_saver_switch(struct vm_saver *s, struct err *e)
{
	if (s->overlay != NULL) {
		if (qmp_execute(&s->q, "blockdev-snapshot",
			json_pack("{s:s, s:s}", "node", s->node, "overlay", s->overlay), NULL, s->deadline, e) < 0)
			return -1;
		s->switched = true;
		if (vm_disks_switch(&s->disks, e) < 0)
			return -1;
	}
	return qmp_execute(
	    &s->q, "migrate-continue", json_pack("{s:s}", "state", "pre-switchover"), NULL, s->deadline, e);
}

int vm_saver_go_on(struct vm_saver *s, struct err *e)
{
	enum vm_end how;
	int found;
	AUTO_CLOSE int pidfd = -1;
	AUTO_FREE char *pidfile = vm_run_path(NULL, s->run, VM_PIDFILE);

	s->sending = false;
	if (!s->quit) {
		if (qmp_execute(&s->q, "cont", NULL, NULL, s->deadline, e) < 0)
			return -1;
		/* One that stood still before does so again, after an instant: from where a save leaves it there is no
		 * other way. */
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
