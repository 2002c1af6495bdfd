#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "vm/description.h"

#define MEMORY_MAX (1ULL << 44)

/* An error of the JSON library. */
static int wrong(struct err *e, const json_error_t *why)
{
	return err_set(e, "not the description of a machine: %s", why->text);
}

static int take_disk(const json_t *json, struct vm_disk *d, struct err *e)
{
	const char *path, *format, *serial;
	json_error_t why;
	int readonly;

	if (json_unpack_ex((json_t *)(uintptr_t)json, &why, 0, "{s:s, s:s, s:s, s:b}", "path", &path, "format", &format,
		"serial", &serial, "readonly", &readonly) < 0)
		return wrong(e, &why);
	if (path[0] == '\0' || strlen(serial) >= sizeof d->serial || !vm_format_ok(format))
		return err_set(e, "not the description of a machine: a disk without file, format or serial");
	*d = (struct vm_disk){ .path = strdup(path), .readonly = readonly != 0 };
	(void)strcpy(d->format, format);
	(void)strcpy(d->serial, serial);
	return d->path == NULL ? err_no_memory(e) : 0;
}

static int take_disks(const json_t *root, const json_t *disks, struct vm *vm, struct err *e)
{
	const json_t *disk;
	size_t i;

	if (json_array_size(disks) > VM_DISKS)
		return err_set(e, "not the description of a machine: too many disks");
	if (!json_is_null(root) && take_disk(root, &vm->root, e) < 0)
		return -1;
	json_array_foreach (disks, i, disk) {
		if (take_disk(disk, &vm->disks[i], e) < 0)
			return -1;
		vm->ndisks = i + 1;
	}
	return 0;
}

static int take_nics(const json_t *nics, struct vm *vm, struct err *e)
{
	const json_t *nic;
	json_error_t why;
	char spec[64];
	const char *mac;
	size_t i;
	int user;

	if (json_array_size(nics) > VM_NICS)
		return err_set(e, "not the description of a machine: too many NICs");
	json_array_foreach (nics, i, nic) {
		if (json_unpack_ex((json_t *)(uintptr_t)nic, &why, 0, "{s:s, s:b}", "mac", &mac, "user", &user) < 0)
			return wrong(e, &why);
		(void)snprintf(spec, sizeof spec, "user,mac=%s", mac);
		if (vm_nic_parse(&vm->nics[i], spec, e) < 0)
			return err_prefix(e, "not the description of a machine");
		vm->nics[i].net = user != 0 ? VM_USER : VM_TAP;
		vm->nnics = i + 1;
	}
	return 0;
}

static int take_fws(const json_t *fws, struct vm *vm, struct err *e)
{
	const json_t *fw;
	const char *name, *file;
	json_error_t why;
	size_t i;

	if (json_array_size(fws) > VM_FWS)
		return err_set(e, "not the description of a machine: too many fw_cfg files");
	json_array_foreach (fws, i, fw) {
		if (json_unpack_ex((json_t *)(uintptr_t)fw, &why, 0, "{s:s, s:s}", "name", &name, "file", &file) < 0)
			return wrong(e, &why);
		if (strncmp(name, "opt/", 4) != 0 || strlen(name) >= sizeof vm->fws[i].name ||
		    strchr(name, ',') != NULL)
			return err_set(e, "not the description of a machine: fw_cfg name '%.64s'", name);
		(void)strcpy(vm->fws[i].name, name);
		vm->fws[i].file = file;
		vm->nfws = i + 1;
	}
	return 0;
}

static int take_extra(const json_t *extra, struct vm *vm, struct err *e)
{
	const json_t *word;
	size_t i;

	free(vm->extra_);
	vm->extra_ = calloc(json_array_size(extra) + 1, sizeof *vm->extra_);
	if (vm->extra_ == NULL)
		return err_no_memory(e);
	vm->extra = vm->extra_;
	json_array_foreach (extra, i, word) {
		if (!json_is_string(word))
			return err_set(e, "not the description of a machine: an argument that is no text");
		vm->extra_[i] = (char *)(uintptr_t)json_string_value(word);
	}
	return 0;
}

/* A text, or null. */
static int take_text(const json_t *desc, const char *key, const char **text, struct err *e)
{
	const json_t *value = json_object_get(desc, key);

	*text = json_string_value(value);
	if (*text == NULL && value != NULL && !json_is_null(value))
		return err_set(e, "not the description of a machine: %s is no text", key);
	return 0;
}

static int take_devices(const json_t *desc, struct vm *vm, struct err *e)
{
	static const char *const keys[] = { "disks", "nics", "fw_cfg", "arguments" };
	size_t i;

	for (i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!json_is_array(json_object_get(desc, keys[i])))
			return err_set(e, "not the description of a machine: no %s", keys[i]);
	if (take_disks(json_object_get(desc, "root"), json_object_get(desc, "disks"), vm, e) < 0 ||
	    take_nics(json_object_get(desc, "nics"), vm, e) < 0 || take_fws(json_object_get(desc, "fw_cfg"), vm, e) < 0)
		return -1;
	return take_extra(json_object_get(desc, "arguments"), vm, e);
}

int vmdesc_take(const json_t *desc, struct vm *vm, struct vmdesc *d, struct err *e)
{
	json_int_t memory;
	json_error_t why;
	int format, cpus;

	if (json_unpack_ex((json_t *)(uintptr_t)desc, &why, 0, "{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:s}",
		"format", &format, "name", &vm->name, "machine", &vm->machine, "cpu", &vm->cpu, "accelerator",
		&d->accelerator, "qemu", &d->version, "memory", &memory, "cpus", &cpus, "run", &d->run) < 0)
		return wrong(e, &why);
	if (format != VMDESC_FORMAT)
		return err_set(e, "a description of format %d: this program knows %d", format, VMDESC_FORMAT);
	if (!vm_name_ok(vm->name) || memory <= 0 || (uint64_t)memory > MEMORY_MAX || memory % (1 << 20) != 0 ||
	    cpus < 1 || cpus > 255)
		return err_set(e, "not the description of a machine: its name, memory or CPUs");
	vm->memory = (uint64_t)memory;
	vm->cpus = (unsigned)cpus;
	vm->kvm = strcmp(d->accelerator, "kvm") == 0;
	if (take_text(desc, "processor", &d->processor, e) < 0 || take_text(desc, "kernel", &vm->kernel, e) < 0 ||
	    take_text(desc, "initrd", &vm->initrd, e) < 0 || take_text(desc, "append", &vm->append, e) < 0 ||
	    take_text(desc, "resumed", &d->resumed, e) < 0)
		return -1;
	return take_devices(desc, vm, e);
}

json_t *vmdesc_read(const char *path, struct vm *vm, struct vmdesc *d, struct err *e)
{
	json_error_t why;
	json_t *desc = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (desc == NULL) {
		(void)err_set(e, "%s: %s", path, why.text);
		return NULL;
	}
	if (vmdesc_take(desc, vm, d, e) == 0)
		return desc;
	(void)err_prefix(e, "%s", path);
	json_decref(desc);
	return NULL;
}
