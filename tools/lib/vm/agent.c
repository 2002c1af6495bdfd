#include "vm/agent.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/words.h"

#define ASK_MS 10 /* between two queries of a program's status */

int agent_open(struct qmp *q, const char *path, const int cancel[2], int64_t deadline, struct err *e)
{
	if (qmp_open(q, path, cancel, deadline, e) < 0)
		return -1;
	/* Answers that an earlier client has not read may come first: they must not match the ids of this one. */
	q->id = now_ms();
	if (qmp_execute(q, "guest-ping", NULL, NULL, deadline, e) == 0)
		return 0;
	qmp_close(q);
	return err_prefix(e, "guest agent");
}

int agent_set_clock(struct qmp *q, int64_t deadline, struct err *e)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return qmp_execute(q, "guest-set-time",
	    json_pack("{s:I}", "time", (json_int_t)t.tv_sec * 1000000000 + t.tv_nsec), NULL, deadline, e);
}

static char *base64(const void *data, size_t n)
{
	char *text = malloc(n / 3 * 4 + 5);

	if (text != NULL)
		(void)EVP_EncodeBlock((unsigned char *)text, data, (int)n);
	return text;
}

/* Sets E to a program's exit code and the last line of its standard error. Returns -1. */
static int failed(const char *program, const json_t *status, struct err *e)
{
	const char *coded = json_string_value(json_object_get(status, "err-data"));
	size_t n = coded == NULL ? 0 : strlen(coded);
	AUTO_FREE char *text = calloc(n + 1, 1);
	char *line;
	int got;

	if (text == NULL)
		return err_no_memory(e);
	got = n == 0 ? 0 : EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)coded, (int)n);
	text[got < 0 ? 0 : got] = '\0';
	text[strcspn(text, "\r")] = '\0';
	while ((line = strrchr(text, '\n')) != NULL && line[1] == '\0')
		*line = '\0';
	return err_set(e, "%s in the guest: exit code %lld%s%.200s", program,
	    (long long)json_integer_value(json_object_get(status, "exitcode")), text[0] != '\0' ? ": " : "",
	    line != NULL ? line + 1 : text);
}

/* Waits until the guest's process PID ends. Returns 0 if it succeeded, or -1. */
static int wait_end(struct qmp *q, const char *program, json_int_t pid, int64_t deadline, struct err *e)
{
	json_t *status;
	int rc;

	for (;;) {
		if (qmp_execute(q, "guest-exec-status", json_pack("{s:I}", "pid", pid), &status, deadline, e) < 0)
			return -1;
		if (json_is_true(json_object_get(status, "exited")))
			break;
		json_decref(status);
		if (ms_left(deadline) == 0)
			return err_set(e, "%s in the guest: timed out", program);
		(void)nanosleep(&(struct timespec){ 0, ASK_MS * 1000000 }, NULL);
	}
	rc = json_integer_value(json_object_get(status, "exitcode")) == 0 && json_object_get(status, "signal") == NULL
		 ? 0
		 : failed(program, status, e);
	json_decref(status);
	return rc;
}

int agent_run(struct qmp *q, const char *command, const void *input, size_t n, int64_t deadline, struct err *e)
{
	AUTO_FREE char *coded = base64(input, n);
	AUTO_WORDS struct words words = { 0 };
	json_t *started, *args = json_array();
	json_int_t pid;
	size_t i;

	if (coded == NULL || args == NULL || words_split(&words, command) < 0 || words.n == 0) {
		json_decref(args);
		return words.n == 0 ? err_set(e, "no program to run in the guest") : err_no_memory(e);
	}
	for (i = 1; i < words.n; i++)
		(void)json_array_append_new(args, json_string(words.v[i]));
	if (qmp_execute(q, "guest-exec",
		json_pack(
		    "{s:s, s:o, s:s, s:b}", "path", words.v[0], "arg", args, "input-data", coded, "capture-output", 1),
		&started, deadline, e) < 0)
		return -1;
	pid = json_integer_value(json_object_get(started, "pid"));
	json_decref(started);
	return wait_end(q, words.v[0], pid, deadline, e);
}
