/* The options that describe parts of a VM, and qemu-img's output: whatever is accepted must be safe on a command line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm/disk_image.h"
#include "vm/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use_nic(const char *spec)
{
	struct vm_nic nic;
	struct err e;
	size_t i;

	if (vm_nic_parse(&nic, spec, &e) < 0)
		return;
	if (strpbrk(nic.ifname, ", /") != NULL || (nic.net == VM_USER) != (nic.ifname[0] == '\0'))
		abort();
	if (nic.mac[0] != '\0' && (strlen(nic.mac) != 17 || strspn(nic.mac, "0123456789abcdef:") != 17))
		abort();
	for (i = 0; i < nic.nforwards; i++)
		if (strspn(nic.forwards[i], "tcpud0123456789.:-") != strlen(nic.forwards[i]))
			abort();
}

static void use_disk(const char *spec)
{
	struct vm_disk disk;
	struct err e;

	if (vm_disk_parse(&disk, spec, &e) < 0)
		return;
	if (disk.path[0] == '\0' || strchr(disk.path, ',') != NULL || strpbrk(disk.serial, ", =") != NULL)
		abort();
	vm_disk_free(&disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct vm_fw fw;
	struct vmimg img;
	struct err e;
	char *spec = malloc(n + 1);

	if (spec == NULL)
		return 0;
	if (n > 0)
		(void)memcpy(spec, data, n);
	spec[n] = '\0';
	use_nic(spec);
	use_disk(spec);
	if (vm_fw_parse(&fw, spec, &e) == 0 && (strncmp(fw.name, "opt/", 4) != 0 || strchr(fw.name, ',') != NULL))
		abort();
	(void)vmimg_parse(&img, spec, &e);
	free(spec);
	return 0;
}
