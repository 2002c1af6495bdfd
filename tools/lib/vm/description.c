#include "vm/description.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/output.h"
#include "base/sha256.h"

/* A file's absolute name; null for NULL. Returns NULL on error. */
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

	/* QEMU's own network has a part of its own in the state; taps and bridges have none. */
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

json_t *vmdesc_new(const struct vm *vm, const struct vmdesc *d, struct err *e)
{
	json_t *desc, *root;

	*e = (struct err){ 0 };
	root = vm->root.path == NULL ? json_null() : new_disk(&vm->root, e);
	desc = json_pack(
	    "{s:i, s:s, s:s, s:s, s:s, s:s?, s:s, s:I, s:i, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "format", VMDESC_FORMAT, "name", vm->name, "machine", vm->machine, "cpu", vm->cpu, "accelerator",
	    d->accelerator, "processor", d->processor, "qemu", d->version, "memory", (json_int_t)vm->memory, "cpus",
	    (int)vm->cpus, "kernel", absolute(vm->kernel, e), "initrd", absolute(vm->initrd, e), "append", vm->append,
	    "root", root, "disks", new_disks(vm, e), "nics", new_nics(vm), "fw_cfg", new_fws(vm, e), "arguments",
	    new_extra(vm), "run", absolute(d->run, e), "resumed", absolute(d->resumed, e));
	if (desc == NULL && e->msg[0] == '\0')
		(void)err_set(e, "a name that is not UTF-8");
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

int cpu_identity(char hex[SHA256_HEX], struct err *e)
{
	static const char *const words[] = { "vendor_id", "cpu family", "model\t", "stepping", "flags" };
	AUTO_FCLOSE FILE *f = fopen("/proc/cpuinfo", "re");
	AUTO_FREE char *line = NULL;
	struct sha256 *s = sha256_new();
	size_t room = 0, i;
	ssize_t n;

	if (f == NULL || s == NULL) {
		sha256_free(s);
		return err_sys(e, "/proc/cpuinfo");
	}
	/* The first processor, which an empty line ends. */
	while ((n = getline(&line, &room, f)) > 1)
		for (i = 0; i < sizeof words / sizeof *words; i++)
			if (strncmp(line, words[i], strlen(words[i])) == 0)
				(void)sha256_add(s, line, (size_t)n);
	return sha256_end(s, hex) < 0 ? err_set(e, "libcrypto failed") : 0;
}
