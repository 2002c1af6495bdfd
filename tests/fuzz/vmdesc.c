/* A machine description from an untrusted saved state: whatever is accepted must be within the limits. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm/description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	json_error_t why;
	json_t *desc = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, &why);
	struct vm vm = { 0 };
	struct vmdesc d = { 0 };
	struct err e = { 0 };
	size_t i;

	if (desc == NULL)
		return 0;
	if (vmdesc_take(desc, &vm, &d, &e) == 0) {
		if (!vm_name_ok(vm.name) || vm.memory == 0 || vm.memory % (1U << 20) != 0 || vm.nnics > VM_NICS ||
		    vm.ndisks > VM_DISKS || vm.nfws > VM_FWS || vm.extra == NULL)
			abort();
		for (i = 0; i < vm.nnics; i++)
			if (strlen(vm.nics[i].mac) != 17)
				abort();
	} else if (e.msg[0] == '\0') {
		abort();
	}
	vm_disk_free(&vm.root);
	for (i = 0; i < VM_DISKS; i++)
		vm_disk_free(&vm.disks[i]);
	free(vm.extra_);
	json_decref(desc);
	return 0;
}
