#include "snapshot/dir.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "snapshot/hold.h"
#include "snapshot/trust.h"

/* The digest that the manifest BEFORE gives for FORM's file, if that is still as it was when it was read. */
static bool is_known(const struct vmhold *h, const struct vmfiles *before, struct vmform *form, const struct stat *st)
{
	struct err none;
	const struct vmfile *f = vmfiles_find(before, form->name, &none);

	if (f == NULL || f->raw.size != (uint64_t)st->st_size || !vmtrust_has(h->trust, &f->raw, st))
		return false;
	form->size = f->raw.size;
	(void)memcpy(form->digest, f->raw.digest, sizeof form->digest);
	return true;
}

/* Adds the file NAME to the manifest in H, which was BEFORE. Returns 0 or -1. */
static int seal_one(struct vmhold *h, const struct vmfiles *before, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct vmform *form;
	struct stat st;

	if (vmfiles_add(&h->files, name, e) < 0)
		return err_prefix(e, "%s", h->dir);
	if (vmhold_file(h, name, &fd, &st, e) != 1)
		return -1;
	form = &h->files.v[h->files.n - 1].raw;
	if (is_known(h, before, form, &st))
		return 0;
	/* This comes first: what a process wrote through a mapping changes ctime no later than here. */
	if (!h->unsynced && (fsync(fd) < 0 || fstat(fd, &st) < 0)) {
		(void)err_sys(e, "fsync");
		return vmhold_says(h, name, e);
	}
	return vmhold_digest(h, fd, &st, form, e);
}

int vmdir_seal(const char *dir, const char *const names[], size_t n, bool sync, struct err *e)
{
	AUTO_VMHOLD struct vmhold h = { .fd = -1 };
	struct vmfiles before;
	struct err none;
	size_t i;
	int rc = 0;

	if (vmhold_open(&h, dir, e) < 0)
		return -1;
	/* Whether there is one, and a good one, does not matter here. */
	(void)vmhold_load(&h, &none);
	before = h.files;
	h.files = (struct vmfiles){ 0 };
	h.unsynced = !sync;
	for (i = 0; rc == 0 && i < n; i++)
		rc = seal_one(&h, &before, names[i], e);
	vmfiles_free(&before);
	return rc < 0 ? -1 : vmhold_save(&h, e);
}

/* As vmhold_verify, for the form that is there. */
static int check_one(struct vmhold *h, const struct vmfile *f, struct err *e)
{
	if (f->packed.name == NULL || vmhold_has(h, f->raw.name))
		return vmhold_verify(h, &f->raw, e);
	if (vmhold_has(h, f->packed.name))
		return vmhold_verify(h, &f->packed, e);
	(void)err_set(e, "it is missing, and so is %s", f->packed.name);
	(void)vmhold_says(h, f->raw.name, e);
	return 0;
}

int vmdir_check(const char *dir, struct err *e)
{
	AUTO_VMHOLD struct vmhold h = { .fd = -1 };
	size_t i;
	int rc = vmhold_open(&h, dir, e);

	if (rc == 0)
		rc = vmhold_load(&h, e);
	for (i = 0; rc == 1 && i < h.files.n; i++)
		rc = check_one(&h, &h.files.v[i], e);
	return rc;
}

static json_t *facts_of(const struct vmhold *h, const struct vmfile *f)
{
	struct stat st;
	json_t *data = json_null(), *packed = json_null();

	if (fstatat(h->fd, f->raw.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		data = json_integer((json_int_t)st.st_blocks * 512);
	if (f->packed.name != NULL)
		packed = json_pack("{s:s, s:I}", "name", f->packed.name, "size", (json_int_t)f->packed.size);
	return json_pack("{s:s, s:I, s:o, s:o}", "name", f->raw.name, "size", (json_int_t)f->raw.size, "data", data,
	    "packed", packed);
}

json_t *vmdir_facts(const char *dir, struct err *e)
{
	AUTO_VMHOLD struct vmhold h = { .fd = -1 };
	json_t *list, *root;
	size_t i;
	int rc = 0;

	if (vmhold_open(&h, dir, e) < 0 || vmhold_load(&h, e) != 1)
		return NULL;
	list = json_array();
	for (i = 0; rc == 0 && i < h.files.n; i++)
		rc = json_array_append_new(list, facts_of(&h, &h.files.v[i]));
	root = rc == 0 ? json_pack("{s:O}", "files", list) : NULL;
	json_decref(list);
	if (root == NULL)
		(void)err_set(e, "%s: out of memory", dir);
	return root;
}
