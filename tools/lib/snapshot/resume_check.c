#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "snapshot/base_disk.h"
#include "snapshot/dir.h"
#include "snapshot/resume.h"

static int check_processor(const struct vm_resume *r, struct err *e)
{
	char hex[SHA256_HEX];

	if (r->accel != NULL && strcmp(r->accel, r->desc.accelerator) != 0)
		return err_set(e, "saved under %s, which %s does not resume", r->desc.accelerator, r->accel), 0;
	if (!r->vm->kvm)
		return 1;
	if (!vm_kvm_usable())
		return err_set(e, "saved under kvm, which is not usable here"), 0;
	if (cpu_identity(hex, e) < 0)
		return -1;
	if (r->desc.processor == NULL || strcmp(hex, r->desc.processor) != 0)
		return err_set(e, "saved on another kind of processor"), 0;
	return 1;
}

/* What will be mapped must fit into what is free, or everything else on this machine suffers. */
static int check_memory(const struct vm_resume *r, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/meminfo", "re");
	AUTO_FREE char *line = NULL;
	unsigned long long free_kib = 0;
	struct stat st;
	size_t room = 0;

	if (f == NULL)
		return err_sys(e, "/proc/meminfo");
	while (getline(&line, &room, f) > 0)
		if (sscanf(line, "MemAvailable: %llu kB", &free_kib) == 1)
			break;
	if (stat(r->ram, &st) < 0)
		return err_set(e, "%s: its memory is packed: vmstate --unpack makes it usable", r->dir), 0;
	if ((uint64_t)st.st_size != r->vm->memory)
		return err_set(e, "%s: it is not the memory of such a machine", r->ram), 0;
	if (free_kib >> 10 >= (unsigned long long)st.st_blocks >> 11)
		return 1;
	return err_set(e, "%llu MiB of memory are available, and %llu were in use", free_kib >> 10,
		   (unsigned long long)st.st_blocks >> 11),
	       0;
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

/* True when the bridge of IFNAME has heard MAC from another of its ports. */
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

static int check_nics(const struct vm_resume *r, struct err *e)
{
	const struct vm_nic *nic;
	size_t i;

	for (i = 0; i < r->vm->nnics; i++) {
		nic = &r->vm->nics[i];
		if (nic->net == VM_TAP && mac_is_taken(nic->ifname, nic->mac))
			return err_set(
				   e, "%s: another machine of its bridge has the address %s", nic->ifname, nic->mac),
			       0;
	}
	return 1;
}

int vm_resume_check(const struct vm_resume *r, struct err *e)
{
	int rc = check_processor(r, e);

	if (rc == 1)
		rc = vmdir_check(r->dir, e);
	if (rc == 1)
		rc = check_memory(r, e);
	if (rc == 1 && r->root != NULL)
		rc = vm_base_check(json_object_get(json_object_get(r->json, "root"), "base"), e);
	return rc == 1 ? check_nics(r, e) : rc;
}
