#include "snapshot/verify.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "snapshot/saved_dir.h"
#include "snapshot/verified.h"

/* Takes FORM's size and digest from the earlier manifest BEFORE, if the file has not changed since it was verified. */
static bool is_known(
    const struct saved_dir *d, const struct manifest *before, struct saved_form *form, const struct stat *st)
{
	struct err none;
	const struct saved_file *f = manifest_find(before, form->name, &none);

	if (f == NULL || f->raw.size != (uint64_t)st->st_size || !verified_has(d->verified, &f->raw, st))
		return false;
	form->size = f->raw.size;
	(void)memcpy(form->digest, f->raw.digest, sizeof form->digest);
	return true;
}

/* Adds the file NAME to the manifest of D; BEFORE is the earlier one. Returns 0 or -1. */
static int record_one(struct saved_dir *d, const struct manifest *before, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct saved_form *form;
	struct stat st;

	if (manifest_add(&d->files, name, e) < 0)
		return err_prefix(e, "%s", d->path);
	if (saved_dir_file(d, name, &fd, &st, e) != 1)
		return -1;
	form = &d->files.v[d->files.n - 1].raw;
	if (is_known(d, before, form, &st))
		return 0;
	/* Before the digest: a write through a mapping changes ctime no later than here. */
	if (!d->unsynced && (fsync(fd) < 0 || fstat(fd, &st) < 0)) {
		(void)err_sys(e, "fsync");
		return saved_dir_err(d, name, e);
	}
	return saved_dir_digest(d, fd, &st, form, e);
}

int saved_record(const char *dir, const char *const names[], size_t n, bool sync, struct err *e)
{
	AUTO_SAVED_DIR struct saved_dir d = { .fd = -1 };
	struct manifest before;
	struct err none;
	size_t i;
	int rc = 0;

	if (saved_dir_open(&d, dir, e) < 0)
		return -1;
	/* A missing or damaged manifest is replaced like any other. */
	(void)saved_dir_load(&d, &none);
	before = d.files;
	d.files = (struct manifest){ 0 };
	d.unsynced = !sync;
	for (i = 0; rc == 0 && i < n; i++)
		rc = record_one(&d, &before, names[i], e);
	manifest_free(&before);
	return rc < 0 ? -1 : saved_dir_write_manifest(&d, e);
}

/* Like saved_dir_verify, for the form that exists. */
static int check_one(struct saved_dir *d, const struct saved_file *f, struct err *e)
{
	if (f->packed.name == NULL || saved_dir_has(d, f->raw.name))
		return saved_dir_verify(d, &f->raw, e);
	if (saved_dir_has(d, f->packed.name))
		return saved_dir_verify(d, &f->packed, e);
	(void)err_set(e, "missing, and so is %s", f->packed.name);
	(void)saved_dir_err(d, f->raw.name, e);
	return 0;
}

int saved_verify(const char *dir, struct err *e)
{
	AUTO_SAVED_DIR struct saved_dir d = { .fd = -1 };
	size_t i;
	int rc = saved_dir_open(&d, dir, e);

	if (rc == 0)
		rc = saved_dir_load(&d, e);
	for (i = 0; rc == 1 && i < d.files.n; i++)
		rc = check_one(&d, &d.files.v[i], e);
	return rc;
}

static json_t *list_one(const struct saved_dir *d, const struct saved_file *f)
{
	struct stat st;
	json_t *data = json_null(), *packed = json_null();

	if (fstatat(d->fd, f->raw.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		data = json_integer((json_int_t)st.st_blocks * 512);
	if (f->packed.name != NULL)
		packed = json_pack("{s:s, s:I}", "name", f->packed.name, "size", (json_int_t)f->packed.size);
	return json_pack("{s:s, s:I, s:o, s:o}", "name", f->raw.name, "size", (json_int_t)f->raw.size, "data", data,
	    "packed", packed);
}

json_t *saved_list(const char *dir, struct err *e)
{
	AUTO_SAVED_DIR struct saved_dir d = { .fd = -1 };
	json_t *list, *root;
	size_t i;
	int rc = 0;

	if (saved_dir_open(&d, dir, e) < 0 || saved_dir_load(&d, e) != 1)
		return NULL;
	list = json_array();
	for (i = 0; rc == 0 && i < d.files.n; i++)
		rc = json_array_append_new(list, list_one(&d, &d.files.v[i]));
	root = rc == 0 ? json_pack("{s:O}", "files", list) : NULL;
	json_decref(list);
	if (root == NULL)
		(void)err_no_memory(e);
	return root;
}
