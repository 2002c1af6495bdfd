#include "vm/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Slots on the first PCI bus. The chipset takes 0 and 1f, and with i440fx also 1. */
enum { ADDR_RNG = 2, ADDR_SERIAL = 3, ADDR_DISK = 4, ADDR_NIC = 0x10 };

/* QEMU reads a doubled comma in an option list as a literal one. Returns NULL if out of memory. */
static char *escaped(struct args *a, const char *s)
{
	char *text = malloc(2 * strlen(s) + 1);
	char *p = text;

	if (text == NULL) {
		a->failed = true;
		return NULL;
	}
	for (; *s != '\0'; s++) {
		*p++ = *s;
		if (*s == ',')
			*p++ = ',';
	}
	*p = '\0';
	return text;
}

static void add_pair(struct args *a, const char *option, const char *value)
{
	args_add(a, "%s", option);
	args_add(a, "%s", value);
}

static void add_socket(struct args *a, const char *id, const char *path, const char *log)
{
	AUTO_FREE char *p = escaped(a, path);
	AUTO_FREE char *l = escaped(a, log != NULL ? log : "");

	args_add(a, "-chardev");
	if (log != NULL)
		args_add(a, "socket,id=%s,path=%s,server=on,wait=off,logfile=%s,logappend=on", id, p, l);
	else
		args_add(a, "socket,id=%s,path=%s,server=on,wait=off", id, p);
}

const struct tcg_cache *vm_tcg_cache(uint64_t memory)
{
	static const struct tcg_cache small = { 512, 512 }, large = { 2047, 1200 };

	return memory >= 3ULL << 30 ? &large : &small;
}

static void add_machine(const struct vm *vm, struct args *a)
{
	AUTO_FREE char *ram = escaped(a, vm->ram != NULL ? vm->ram : "");
	unsigned long long mib = vm->memory >> 20;

	args_add(a, "%s", vm->qemu);
	args_add(a, "-nodefaults");
	args_add(a, "-no-user-config");
	add_pair(a, "-display", "none");
	add_pair(a, "-msg", "timestamp=off");
	add_pair(a, "-name", vm->name);
	args_add(a, "-machine");
	args_add(a, "%s,memory-backend=" VM_MEMORY, vm->machine);
	args_add(a, "-accel");
	if (vm->kvm)
		args_add(a, "kvm");
	else
		args_add(a, "tcg,thread=multi,tb-size=%u", vm_tcg_cache(vm->memory)->limit);
	add_pair(a, "-cpu", vm->cpu);
	args_add(a, "-smp");
	args_add(a, "%u", vm->cpus);
	args_add(a, "-m");
	args_add(a, "%lluM", mib);
	args_add(a, "-object");
	/* share=off: saved RAM is mapped copy-on-write, so resumed machines share the pages that they do not change. */
	if (vm->ram != NULL)
		args_add(a, "memory-backend-file,id=" VM_MEMORY ",size=%lluM,mem-path=%s,share=off%s", mib, ram,
		    vm->ram_readonly ? ",readonly=on,rom=off" : "");
	else
		args_add(a, "memory-backend-ram,id=" VM_MEMORY ",size=%lluM", mib);
	add_pair(a, "-pidfile", vm->pidfile);
}

static void add_basic_devices(const struct vm *vm, struct args *a)
{
	add_socket(a, "qmp", vm->qmp, NULL);
	add_pair(a, "-mon", "chardev=qmp,mode=control");
	add_socket(a, "console", vm->console_socket, vm->console);
	add_pair(a, "-device", "isa-serial,id=serial0,chardev=console");
	args_add(a, "-device");
	args_add(a, "virtio-rng-pci,id=rng0,addr=0x%x", ADDR_RNG);
	args_add(a, "-device");
	args_add(a, "virtio-serial-pci,id=vserial,addr=0x%x", ADDR_SERIAL);
	add_socket(a, "agent", vm->agent, NULL);
	add_pair(a, "-device", "virtserialport,id=agent0,bus=vserial.0,nr=1,chardev=agent,name=org.qemu.guest_agent.0");
}

/*
 * cache.no-flush: the disk is never flushed to stable storage. That is safe because an overlay is either deleted with
 * its cluster, or published only after a clean shutdown.
 */
static void add_disk(const struct vm_disk *d, size_t number, struct args *a)
{
	AUTO_FREE char *path = escaped(a, d->top != NULL ? d->top : d->path);
	const char *format = d->top != NULL ? "qcow2" : d->format;
	char id[32] = "root";

	if (number > 0)
		(void)snprintf(id, sizeof id, "disk%zu", number);
	args_add(a, "-blockdev");
	args_add(a,
	    "driver=%s,node-name=%s,read-only=%s,discard=unmap,cache.direct=off,cache.no-flush=on,"
	    "file.driver=file,file.filename=%s,file.discard=unmap,file.cache.direct=off,file.cache.no-flush=on",
	    format, id, d->readonly ? "on" : "off", path);
	args_add(a, "-device");
	args_add(a, "virtio-blk-pci,id=%s-dev,drive=%s,addr=0x%zx,serial=%s%s", id, id, ADDR_DISK + number,
	    d->serial[0] != '\0' ? d->serial : id, number == 0 ? ",bootindex=1" : "");
}

static void add_nic(const struct vm *vm, size_t i, struct args *a)
{
	const struct vm_nic *nic = &vm->nics[i];
	char forwards[VM_FORWARDS * (sizeof nic->forwards[0] + 9) + 1] = "";
	size_t k;

	for (k = 0; k < nic->nforwards; k++) {
		(void)strcat(forwards, ",hostfwd=");
		(void)strcat(forwards, nic->forwards[k]);
	}
	args_add(a, "-netdev");
	switch (nic->net) {
	case VM_TAP:
		args_add(a, "tap,id=net%zu,ifname=%s,script=no,downscript=no", i, nic->ifname);
		break;
	case VM_BRIDGE:
		args_add(a, "bridge,id=net%zu,br=%s", i, nic->ifname);
		break;
	case VM_USER:
		args_add(a, "user,id=net%zu%s", i, forwards);
		break;
	}
	/* romfile=: no boot ROM, as nodes do not boot from the network. */
	args_add(a, "-device");
	args_add(a, "virtio-net-pci,id=nic%zu,netdev=net%zu,mac=%s,addr=0x%zx,romfile=", i, i, nic->mac, ADDR_NIC + i);
	if (vm->ram == NULL)
		return;
	/*
	 * Packets are held back until the filter is turned off (snapshot/resume.c). The interval in microseconds, here
	 * an hour, is the longest time that it holds them.
	 */
	args_add(a, "-object");
	args_add(a, "filter-buffer,id=" VM_GATE "%zu,netdev=net%zu,interval=3600000000", i, i);
}

static void add_fw(const struct vm_fw *fw, struct args *a)
{
	AUTO_FREE char *file = escaped(a, fw->file);

	args_add(a, "-fw_cfg");
	args_add(a, "name=%s,file=%s", fw->name, file);
}

int vm_command_line(const struct vm *vm, struct args *a, struct err *e)
{
	size_t i;

	add_machine(vm, a);
	add_basic_devices(vm, a);
	if (vm->root.path != NULL)
		add_disk(&vm->root, 0, a);
	for (i = 0; i < vm->ndisks; i++)
		add_disk(&vm->disks[i], i + 1, a);
	for (i = 0; i < vm->nnics; i++)
		add_nic(vm, i, a);
	for (i = 0; i < vm->nfws; i++)
		add_fw(&vm->fws[i], a);
	if (vm->kernel != NULL)
		add_pair(a, "-kernel", vm->kernel);
	if (vm->initrd != NULL)
		add_pair(a, "-initrd", vm->initrd);
	if (vm->append != NULL)
		add_pair(a, "-append", vm->append);
	if (vm->ram != NULL) {
		args_add(a, "-S");
		add_pair(a, "-incoming", "defer");
	}
	for (i = 0; vm->extra != NULL && vm->extra[i] != NULL; i++)
		args_add(a, "%s", vm->extra[i]);
	return a->failed ? err_no_memory(e) : 0;
}
