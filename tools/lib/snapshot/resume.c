#include "snapshot/resume.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "vm/agent.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "vm/run.h"

#define ASK_MS 5
#define ENTROPY 64 /* bytes: twice what the kernel's generator is seeded with */

int vm_resume_open(struct vm_resume *r, struct vm *vm, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, r->dir, VM_DESC);
	const char *saved;

	if (path == NULL)
		return err_no_memory(e);
	r->json = vmdesc_read(path, vm, &r->desc, e);
	if (r->json == NULL)
		return -1;
	r->vm = vm;
	r->ram = vm_run_path(NULL, r->dir, VM_SAVED_RAM);
	if (r->ram == NULL)
		return err_no_memory(e);
	vm->ram = r->ram;
	if (vm->root.path == NULL)
		return 0;
	saved = json_string_value(json_object_get(json_object_get(r->json, "root"), "saved"));
	if (saved == NULL || strchr(saved, '/') != NULL)
		return err_set(e, "%s: no saved disk in it", path);
	r->root = vm_run_path(NULL, r->dir, saved);
	return r->root == NULL ? err_no_memory(e) : 0;
}

void vm_resume_free(struct vm_resume *r)
{
	json_decref(r->json);
	free(r->ram);
	free(r->root);
	free(r->input);
	*r = (struct vm_resume){ 0 };
}

/* A state goes to the same version of QEMU, or to a newer one that knows the machine type. */
static int check_version(struct vm_resume *r, struct err *e)
{
	int saved[2], here[2];

	if (sscanf(r->desc.version, "%d.%d", &saved[0], &saved[1]) != 2 ||
	    sscanf(r->version, "%d.%d", &here[0], &here[1]) != 2)
		return err_set(e, "%s: no version of QEMU in it", r->dir);
	r->no = here[0] < saved[0] || (here[0] == saved[0] && here[1] < saved[1]);
	return r->no ? err_set(e, "saved by QEMU %s, and the QEMU here, %s, is older", r->desc.version, r->version) : 0;
}

/* Returns 0 once the state has been loaded; a QEMU that cannot take it ends, and its words say why. */
static int load(const struct vm_resume *r, struct qmp *q, int64_t deadline, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, r->dir, VM_SAVED_STATE);
	AUTO_CLOSE int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	json_t *status;
	const char *word;
	bool loading;

	if (fd < 0)
		return err_sys(e, "%s", path);
	if (qmp_give_fd(q, "state", fd, deadline, e) < 0 ||
	    qmp_execute(q, "migrate-incoming", json_pack("{s:s}", "uri", "fd:state"), NULL, deadline, e) < 0)
		return -1;
	for (;;) {
		if (qmp_execute(q, "query-status", NULL, &status, deadline, e) < 0)
			return -1;
		word = json_string_value(json_object_get(status, "status"));
		loading = word != NULL && strcmp(word, "inmigrate") == 0;
		json_decref(status);
		if (!loading)
			return 0;
		if (ms_left(deadline) == 0)
			return err_set(e, "the state is not loaded in time");
		(void)nanosleep(&(struct timespec){ 0, ASK_MS * 1000000 }, NULL);
	}
}

/* The first line that a guest's program is given: the time, and bytes for its generator of random numbers. */
static char *renew_input(const struct vm_resume *r, size_t *n)
{
	unsigned char random[ENTROPY];
	char hex[2 * ENTROPY + 1];
	struct timespec t;
	char *text = malloc(sizeof hex + 64 + r->input_n);
	size_t i;
	int used;

	if (text == NULL || getrandom(random, sizeof random, 0) != sizeof random) {
		free(text);
		return NULL;
	}
	for (i = 0; i < ENTROPY; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", random[i]);
	(void)clock_gettime(CLOCK_REALTIME, &t);
	used = sprintf(text, "%lld.%09ld %s\n", (long long)t.tv_sec, t.tv_nsec, hex);
	*n = (size_t)used + r->input_n;
	if (r->input_n > 0)
		(void)memcpy(text + used, r->input, r->input_n);
	return text;
}

/* True when the guest has its end of the agent's channel open. */
static int agent_is_there(struct qmp *q, int64_t deadline, struct err *e)
{
	json_t *list, *c;
	bool there = false;
	size_t i;

	if (qmp_execute(q, "query-chardev", NULL, &list, deadline, e) < 0)
		return -1;
	json_array_foreach (list, i, c) {
		if (strcmp(json_string_value(json_object_get(c, "label")), "agent") == 0)
			there = json_is_true(json_object_get(c, "frontend-open"));
	}
	json_decref(list);
	return there;
}

static int renew(const struct vm_resume *r, struct qmp *q, int64_t deadline, struct err *e)
{
	int there = agent_is_there(q, deadline, e), rc;
	AUTO_FREE char *input = NULL;
	struct qmp agent;
	size_t n = 0;

	if (there < 0)
		return -1;
	/* A guest without an agent keeps the time of its saving; one that is to be renewed must have it. */
	if (there == 0 && r->renew == NULL)
		return 0;
	if (agent_open(&agent, r->vm->agent, q->cancel, deadline, e) < 0)
		return -1;
	if (r->renew == NULL) {
		rc = agent_set_clock(&agent, deadline, e);
	} else {
		input = renew_input(r, &n);
		rc = input == NULL ? err_set(e, "no random numbers")
				   : agent_run(&agent, r->renew, input, n, deadline, e);
	}
	qmp_close(&agent);
	return rc;
}

static int open_gates(const struct vm_resume *r, struct qmp *q, int64_t deadline, struct err *e)
{
	char path[64];
	size_t i;

	for (i = 0; i < r->vm->nnics; i++) {
		(void)snprintf(path, sizeof path, "/objects/" VM_GATE "%zu", i);
		if (qmp_execute(q, "qom-set",
			json_pack("{s:s, s:s, s:s}", "path", path, "property", "status", "value", "off"), NULL,
			deadline, e) < 0)
			return -1;
	}
	return 0;
}

int vm_resume_bring(struct qmp *q, void *arg, int64_t deadline, struct err *e)
{
	struct vm_resume *r = arg;

	if (check_version(r, e) < 0 || load(r, q, deadline, e) < 0 ||
	    qmp_execute(q, "cont", NULL, NULL, deadline, e) < 0)
		return -1;
	return renew(r, q, deadline, e) < 0 ? -1 : open_gates(r, q, deadline, e);
}
