#include "snapshot/resume.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/meminfo.h"
#include "base/num.h"
#include "base/sha256.h"
#include "snapshot/base_disk.h"
#include "snapshot/manifest.h"
#include "snapshot/verify.h"
#include "vm/agent.h"
#include "vm/run.h"

#define ASK_MS 5
#define ENTROPY 64 /* bytes: twice what the kernel's generator is seeded with */

int resume_open(struct resume *r, struct vm *vm, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, r->dir, VM_DESC);
	const char *saved;

	if (path == NULL)
		return err_no_memory(e);
	r->json = vmdesc_read(path, vm, &r->desc, e);
	if (r->json == NULL)
		return -1;
	r->vm = vm;
	r->ram = vm_run_path(NULL, r->dir, SAVED_RAM);
	if (r->ram == NULL)
		return err_no_memory(e);
	vm->ram = r->ram;
	if (vm->root.path == NULL)
		return 0;
	saved = json_string_value(json_object_get(json_object_get(r->json, "root"), "saved"));
	if (saved == NULL || strchr(saved, '/') != NULL)
		return err_set(e, "%s: no saved disk", path);
	r->root = vm_run_path(NULL, r->dir, saved);
	return r->root == NULL ? err_no_memory(e) : 0;
}

void resume_free(struct resume *r)
{
	json_decref(r->json);
	free(r->ram);
	free(r->root);
	free(r->input);
	*r = (struct resume){ 0 };
}

static int check_processor(const struct resume *r, struct err *e)
{
	char hex[SHA256_HEX];

	if (r->accel != NULL && strcmp(r->accel, r->desc.accelerator) != 0)
		return err_set(e, "saved under %s, cannot resume under %s", r->desc.accelerator, r->accel), 0;
	if (!r->vm->kvm)
		return 1;
	if (!vm_kvm_usable())
		return err_set(e, "saved under kvm, which is not available here"), 0;
	if (vm_cpu_identity(hex, e) < 0)
		return -1;
	if (r->desc.processor == NULL || strcmp(hex, r->desc.processor) != 0)
		return err_set(e, "saved on another kind of processor"), 0;
	return 1;
}

/* The memory in use must fit into what is available, or the whole host suffers. */
static int check_memory(const struct resume *r, struct err *e)
{
	uint64_t available, needed;
	struct stat st;

	if (meminfo_available(&available, e) < 0)
		return -1;
	if (stat(r->ram, &st) < 0)
		return err_set(e, "%s: its memory is packed; unpack it with vmstate --unpack", r->dir), 0;
	if ((uint64_t)st.st_size != r->vm->memory)
		return err_set(e, "%s: its size is not that of the machine's memory", r->ram), 0;
	needed = (uint64_t)st.st_blocks >> 11;
	if (available >= needed)
		return 1;
	return err_set(e, "%" PRIu64 " MiB of memory are available, but %" PRIu64 " are needed", available, needed), 0;
}

struct fdb_entry { /* linux/if_bridge.h, struct __fdb_entry */
	unsigned char mac[6], port_lo, is_local;
	uint32_t age;
	unsigned char port_hi, pad;
	uint16_t unused;
};

static long read_number(const char *path)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	long n = -1;

	return f != NULL && fscanf(f, "%li", &n) == 1 ? n : -1;
}

/* True if the bridge of IFNAME has learned MAC on another of its ports. */
static bool mac_is_taken(const char *ifname, const char *mac)
{
	char path[128], text[18];
	struct fdb_entry f;
	long port;

	(void)snprintf(path, sizeof path, "/sys/class/net/%s/brport/port_no", ifname);
	port = read_number(path);
	(void)snprintf(path, sizeof path, "/sys/class/net/%s/brport/bridge/brforward", ifname);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && read(fd, &f, sizeof f) == (ssize_t)sizeof f) {
		(void)snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", f.mac[0], f.mac[1], f.mac[2],
		    f.mac[3], f.mac[4], f.mac[5]);
		if (strcmp(text, mac) == 0 && port != (f.port_hi << 8 | f.port_lo))
			return true;
	}
	return false;
}

static int check_nics(const struct resume *r, struct err *e)
{
	const struct vm_nic *nic;
	size_t i;

	for (i = 0; i < r->vm->nnics; i++) {
		nic = &r->vm->nics[i];
		if (nic->net == VM_TAP && mac_is_taken(nic->ifname, nic->mac))
			return err_set(
				   e, "%s: another machine on its bridge has the address %s", nic->ifname, nic->mac),
			       0;
	}
	return 1;
}

int resume_check(const struct resume *r, struct err *e)
{
	int rc = check_processor(r, e);

	if (rc == 1)
		rc = saved_verify(r->dir, e);
	if (rc == 1)
		rc = check_memory(r, e);
	if (rc == 1 && r->root != NULL)
		rc = base_disk_check(json_object_get(json_object_get(r->json, "root"), "base"), e);
	return rc == 1 ? check_nics(r, e) : rc;
}

/* Saved state can be loaded by the same version of QEMU, or by a newer one that has the machine type. */
static int check_version(struct resume *r, struct err *e)
{
	int saved[2], here[2];

	if (sscanf(r->desc.version, "%d.%d", &saved[0], &saved[1]) != 2 ||
	    sscanf(r->version, "%d.%d", &here[0], &here[1]) != 2)
		return err_set(e, "%s: no QEMU version in its description", r->dir);
	r->no = here[0] < saved[0] || (here[0] == saved[0] && here[1] < saved[1]);
	return r->no ? err_set(e, "saved by QEMU %s, but the QEMU here, %s, is older", r->desc.version, r->version) : 0;
}

/* Returns 0 once the state is loaded; a QEMU that cannot load it exits, and the reason is in its log. */
static int load(const struct resume *r, struct qmp *q, int64_t deadline, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, r->dir, SAVED_STATE);
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
			return err_set(e, "timed out while loading the saved state");
		(void)nanosleep(&(struct timespec){ 0, ASK_MS * 1000000 }, NULL);
	}
}

/* The input of the guest's command: a line with the time and random bytes (see renew(1)), then R->input. */
static char *renew_input(const struct resume *r, size_t *n)
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

/* True if the agent in the guest has opened its channel. */
static int agent_connected(struct qmp *q, int64_t deadline, struct err *e)
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

static int renew(const struct resume *r, struct qmp *q, int64_t deadline, struct err *e)
{
	int there = agent_connected(q, deadline, e), rc;
	AUTO_FREE char *input = NULL;
	struct qmp agent;
	size_t n = 0;

	if (there < 0)
		return -1;
	/* A guest without an agent keeps the time at which it was saved; to run R->renew there must be an agent. */
	if (there == 0 && r->renew == NULL)
		return 0;
	if (agent_open(&agent, r->vm->agent, q->cancel, deadline, e) < 0)
		return -1;
	if (r->renew == NULL) {
		rc = agent_set_clock(&agent, deadline, e);
	} else {
		input = renew_input(r, &n);
		rc = input == NULL ? err_set(e, "no random bytes") : agent_run(&agent, r->renew, input, n, deadline, e);
	}
	qmp_close(&agent);
	return rc;
}

static int open_nics(const struct resume *r, struct qmp *q, int64_t deadline, struct err *e)
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

int resume_bring(struct qmp *q, void *arg, int64_t deadline, struct err *e)
{
	struct resume *r = arg;

	if (check_version(r, e) < 0 || load(r, q, deadline, e) < 0 ||
	    qmp_execute(q, "cont", NULL, NULL, deadline, e) < 0)
		return -1;
	return renew(r, q, deadline, e) < 0 ? -1 : open_nics(r, q, deadline, e);
}
