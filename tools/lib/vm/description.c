#include "vm/description.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/output.h"

#define FORMAT 1
#define MEMORY_MAX (1ULL << 44)

/* The absolute path of a file; JSON null for NULL. Returns NULL on error. */
static json_t *absolute(const char *path, struct err *e)
{
	AUTO_FREE char *real = path == NULL ? NULL : realpath(path, NULL);

	if (path == NULL)
		return json_null();
	if (real == NULL)
		(void)err_sys(e, "%s", path);
	return real == NULL ? NULL : json_string(real);
}

static json_t *new_disk(const struct vm_disk *d, struct err *e)
{
	json_t *path = absolute(d->path, e);

	return path == NULL ? NULL
			    : json_pack("{s:o, s:s, s:s, s:b}", "path", path, "format", d->format, "serial", d->serial,
				  "readonly", d->readonly);
}

static json_t *new_disks(const struct vm *vm, struct err *e)
{
	json_t *disks = json_array();
	size_t i;

	for (i = 0; disks != NULL && i < vm->ndisks; i++)
		if (json_array_append_new(disks, new_disk(&vm->disks[i], e)) < 0) {
			json_decref(disks);
			return NULL;
		}
	return disks;
}

static json_t *new_nics(const struct vm *vm)
{
	json_t *nics = json_array();
	size_t i;

	for (i = 0; nics != NULL && i < vm->nnics; i++)
		(void)json_array_append_new(
		    nics, json_pack("{s:s, s:b}", "mac", vm->nics[i].mac, "user", vm->nics[i].net == VM_USER));
	return nics;
}

static json_t *new_fws(const struct vm *vm, struct err *e)
{
	json_t *fws = json_array();
	size_t i;

	for (i = 0; fws != NULL && i < vm->nfws; i++)
		if (json_array_append_new(fws,
			json_pack("{s:s, s:o}", "name", vm->fws[i].name, "file", absolute(vm->fws[i].file, e))) < 0) {
			json_decref(fws);
			return NULL;
		}
	return fws;
}

static json_t *new_extra(const struct vm *vm)
{
	json_t *extra = json_array();
	size_t i;

	for (i = 0; vm->extra != NULL && vm->extra[i] != NULL; i++)
		(void)json_array_append_new(extra, json_string(vm->extra[i]));
	return extra;
}

json_t *vmdesc_new(const struct vm *vm, const char *run, const char *resumed, const char *version, struct err *e)
{
	char processor[SHA256_HEX];
	json_t *desc, *root;

	*e = (struct err){ 0 };
	if (vm->kvm && vm_cpu_identity(processor, e) < 0)
		return NULL;
	root = vm->root.path == NULL ? json_null() : new_disk(&vm->root, e);
	desc = json_pack(
	    "{s:i, s:s, s:s, s:s, s:s, s:s?, s:s, s:I, s:i, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "format", FORMAT, "name", vm->name, "machine", vm->machine, "cpu", vm->cpu, "accelerator",
	    vm->kvm ? "kvm" : "tcg", "processor", vm->kvm ? processor : NULL, "qemu", version, "memory",
	    (json_int_t)vm->memory, "cpus", (int)vm->cpus, "kernel", absolute(vm->kernel, e), "initrd",
	    absolute(vm->initrd, e), "append", vm->append, "root", root, "disks", new_disks(vm, e), "nics",
	    new_nics(vm), "fw_cfg", new_fws(vm, e), "arguments", new_extra(vm), "run", absolute(run, e), "resumed",
	    absolute(resumed, e));
	if (desc == NULL && e->msg[0] == '\0')
		(void)err_set(e, VM_DESC ": a name is not valid UTF-8");
	return desc;
}

int vmdesc_write(const char *path, const json_t *desc, struct err *e)
{
	struct out o;

	if (out_open(&o, path, 0600, e) < 0)
		return -1;
	if (json_dumpf(desc, o.f, JSON_INDENT(1)) == 0 && fputc('\n', o.f) != EOF)
		return out_commit(&o, e);
	(void)err_sys(e, "%s", path);
	out_abort(&o);
	return -1;
}

/* Sets E to the reason for a failed json_unpack_ex. Returns -1. */
static int wrong(struct err *e, const json_error_t *why)
{
	return err_set(e, "not a valid machine description: %s", why->text);
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
		return err_set(e, "not a valid machine description: a disk has no valid path, format or serial");
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
		return err_set(e, "not a valid machine description: too many disks");
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
		return err_set(e, "not a valid machine description: too many NICs");
	json_array_foreach (nics, i, nic) {
		if (json_unpack_ex((json_t *)(uintptr_t)nic, &why, 0, "{s:s, s:b}", "mac", &mac, "user", &user) < 0)
			return wrong(e, &why);
		(void)snprintf(spec, sizeof spec, "user,mac=%s", mac);
		if (vm_nic_parse(&vm->nics[i], spec, e) < 0)
			return err_prefix(e, "not a valid machine description");
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
		return err_set(e, "not a valid machine description: too many fw_cfg files");
	json_array_foreach (fws, i, fw) {
		if (json_unpack_ex((json_t *)(uintptr_t)fw, &why, 0, "{s:s, s:s}", "name", &name, "file", &file) < 0)
			return wrong(e, &why);
		if (strncmp(name, "opt/", 4) != 0 || strlen(name) >= sizeof vm->fws[i].name ||
		    strchr(name, ',') != NULL)
			return err_set(e, "not a valid machine description: invalid fw_cfg name '%.64s'", name);
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
			return err_set(e, "not a valid machine description: an argument is not a string");
		vm->extra_[i] = (char *)(uintptr_t)json_string_value(word);
	}
	return 0;
}

/* Takes a member that is a string, null or absent. */
static int take_text(const json_t *desc, const char *key, const char **text, struct err *e)
{
	const json_t *value = json_object_get(desc, key);

	*text = json_string_value(value);
	if (*text == NULL && value != NULL && !json_is_null(value))
		return err_set(e, "not a valid machine description: %s is not a string", key);
	return 0;
}

static int take_devices(const json_t *desc, struct vm *vm, struct err *e)
{
	static const char *const keys[] = { "disks", "nics", "fw_cfg", "arguments" };
	size_t i;

	for (i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!json_is_array(json_object_get(desc, keys[i])))
			return err_set(e, "not a valid machine description: no %s", keys[i]);
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
	if (format != FORMAT)
		return err_set(
		    e, "machine description of format %d; this program supports only format %d", format, FORMAT);
	if (!vm_name_ok(vm->name) || memory <= 0 || (uint64_t)memory > MEMORY_MAX || memory % (1 << 20) != 0 ||
	    cpus < 1 || cpus > 255)
		return err_set(e, "not a valid machine description: invalid name, memory or cpus");
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
