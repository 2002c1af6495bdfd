#include "snapshot/pack.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/outdir.h"
#include "base/sparse.h"
#include "snapshot/frames.h"
#include "snapshot/saved_dir.h"
#include "snapshot/verified.h"

/* Is NAME the temporary name (base/output.h) of one of F's forms? */
static bool is_unfinished(const struct saved_file *f, const char *name)
{
	const char *end = strstr(name, ".tmp."), *tail;
	size_t n = strlen(f->raw.name);

	if (end == NULL || end[5] == '\0' || end[5 + strspn(end + 5, "0123456789")] != '\0')
		return false;
	if (strncmp(name, f->raw.name, n) != 0)
		return f->packed.name != NULL && (size_t)(end - name) == strlen(f->packed.name) &&
		       strncmp(name, f->packed.name, (size_t)(end - name)) == 0;
	tail = name + n;
	return tail == end || (tail + 4 == end && strncmp(tail, ".zst", 4) == 0);
}

/* Only the holder of the lock writes: unfinished files are those of a process that was killed. */
static void remove_unfinished(const struct saved_dir *d, const struct saved_file *f)
{
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL)
		if (is_unfinished(f, entry->d_name))
			(void)unlinkat(d->fd, entry->d_name, 0);
	if (list != NULL)
		(void)closedir(list);
	else if (fd >= 0)
		(void)close(fd);
}

/* Opens the directory and finds the file NAME. Returns it, or NULL. */
static struct saved_file *open_file(struct saved_dir *d, const char *dir, const char *name, struct err *e)
{
	struct saved_file *f;

	if (saved_dir_open(d, dir, e) < 0 || saved_dir_load(d, e) != 1)
		return NULL;
	f = manifest_find(&d->files, name, e);
	if (f == NULL)
		(void)err_prefix(e, "%s", dir);
	else
		remove_unfinished(d, f);
	return f;
}

/* Packs FROM into O, and sets the size and the digest of the packed form. Returns 0 or -1. */
static int compress(
    const struct saved_dir *d, int from, const struct stat *st, struct saved_file *f, struct out *o, struct err *e)
{
	char hex[SHA256_HEX];
	struct stat packed;

	if ((uint64_t)st->st_size != f->raw.size)
		return saved_dir_err_contents(d, f->raw.name, e);
	if (frames_pack(from, f->raw.size, fileno(o->f), hex, e) < 0)
		return saved_dir_err(d, f->raw.name, e);
	if (strcmp(hex, f->raw.digest) != 0)
		return saved_dir_err_contents(d, f->raw.name, e);
	if (fstat(fileno(o->f), &packed) < 0)
		return err_sys(e, "fstat");
	f->packed.size = (uint64_t)packed.st_size;
	if (blocks_digest(fileno(o->f), f->packed.size, -1, f->packed.digest, e) < 0)
		return saved_dir_err(d, f->packed.name, e);
	return 0;
}

static int make_packed(struct saved_dir *d, struct saved_file *f, struct err *e)
{
	AUTO_CLOSE int from = -1;
	struct stat st;
	struct out o;

	if (saved_dir_file(d, f->raw.name, &from, &st, e) != 1)
		return -1;
	if (manifest_name_packed(&d->files, (size_t)(f - d->files.v), e) < 0)
		return err_prefix(e, "%s", d->path);
	if (saved_dir_create(d, f->packed.name, st.st_mode & 0777, &o, e) < 0)
		return -1;
	if (compress(d, from, &st, f, &o, e) < 0) {
		out_abort(&o);
		return -1;
	}
	if (saved_dir_commit(&o, &st, e) < 0)
		return -1;
	saved_dir_set_verified(d, &f->packed, &st);
	return saved_dir_write_manifest(d, e);
}

int saved_pack(const char *dir, const char *name, bool keep_raw, struct err *e)
{
	AUTO_SAVED_DIR struct saved_dir d = { .fd = -1 };
	struct saved_file *f = open_file(&d, dir, name, e);
	struct err none;
	int rc;

	if (f == NULL)
		return -1;
	rc = f->packed.name != NULL ? saved_dir_verify(&d, &f->packed, &none) : 0;
	if (rc != 1 && make_packed(&d, f, e) < 0)
		return -1;
	return keep_raw ? 0 : saved_dir_remove(&d, f->raw.name, e);
}

/* Unpacks F, a file of FROM, into TO, which may be FROM. Returns 0, or -1 with TO unchanged. */
static int unpack(struct saved_dir *from, struct saved_dir *to, const struct saved_file *f, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char hex[SHA256_HEX];
	struct stat st;
	struct out o;

	if (saved_dir_file(from, f->packed.name, &fd, &st, e) != 1)
		return -1;
	if ((uint64_t)st.st_size != f->packed.size)
		return saved_dir_err_contents(from, f->packed.name, e);
	if (saved_dir_create(to, f->raw.name, st.st_mode & 0777, &o, e) < 0)
		return -1;
	if (frames_unpack(fd, f->raw.size, fileno(o.f), hex, e) < 0) {
		out_abort(&o);
		return saved_dir_err(from, f->packed.name, e);
	}
	if (strcmp(hex, f->raw.digest) != 0) {
		out_abort(&o);
		return saved_dir_err_contents(from, f->packed.name, e);
	}
	if (saved_dir_commit(&o, &st, e) < 0)
		return -1;
	saved_dir_set_verified(to, &f->raw, &st);
	return 0;
}

/* The manifest no longer mentions the packed form when it is removed. */
static int drop_packed(struct saved_dir *d, struct saved_file *f, struct err *e)
{
	struct saved_form gone = f->packed;
	int rc;

	f->packed = (struct saved_form){ 0 };
	rc = saved_dir_write_manifest(d, e);
	if (rc == 0)
		rc = saved_dir_remove(d, gone.name, e);
	saved_form_free(&gone);
	return rc;
}

int saved_unpack(const char *dir, const char *name, bool keep_packed, struct err *e)
{
	AUTO_SAVED_DIR struct saved_dir d = { .fd = -1 };
	struct saved_file *f = open_file(&d, dir, name, e);
	int rc;

	if (f == NULL)
		return -1;
	rc = saved_dir_verify(&d, &f->raw, e);
	if (rc < 0 || (rc == 0 && f->packed.name == NULL))
		return -1;
	if (rc == 0 && unpack(&d, &d, f, e) < 0)
		return -1;
	return keep_packed || f->packed.name == NULL ? 0 : drop_packed(&d, f, e);
}

/* Hard-links the file into TO. Returns whether that was possible. */
static bool link_file(struct saved_dir *from, struct saved_dir *to, const struct saved_form *form)
{
	struct stat before, after;
	bool trusted = fstatat(from->fd, form->name, &before, AT_SYMLINK_NOFOLLOW) == 0 &&
		       verified_has(from->verified, form, &before);

	if (linkat(from->fd, form->name, to->fd, form->name, 0) < 0)
		return false;
	/* A new link changes ctime and nothing else: a file that was verified before still is. */
	if (!trusted || fstatat(to->fd, form->name, &after, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	before.st_ctim = after.st_ctim;
	if (verified_unchanged(&before, &after)) {
		verified_update(to->verified, from->verified, form, &after);
		verified_update(from->verified, from->verified, form, &after);
		from->new_verified = to->new_verified = true;
	}
	return true;
}

/* Copies the contents to TO; the caller verifies them. Returns 0 or -1. */
static int copy_file(const struct saved_dir *from, const struct saved_dir *to, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char hex[SHA256_HEX];
	struct stat st;
	struct out o;

	if (saved_dir_file(from, name, &fd, &st, e) != 1 || saved_dir_create(to, name, st.st_mode & 0777, &o, e) < 0)
		return -1;
	if (ioctl(fileno(o.f), FICLONE, fd) < 0 && blocks_digest(fd, (uint64_t)st.st_size, fileno(o.f), hex, e) < 0) {
		out_abort(&o);
		return saved_dir_err(from, name, e);
	}
	return saved_dir_commit(&o, &st, e);
}

static int take_file(struct saved_dir *from, struct saved_dir *to, const struct saved_file *f, struct err *e)
{
	int rc;

	if (f->packed.name != NULL && !saved_dir_has(from, f->raw.name))
		return unpack(from, to, f, e);
	if (!link_file(from, to, &f->raw) && copy_file(from, to, f->raw.name, e) < 0)
		return -1;
	rc = saved_dir_verify(to, &f->raw, e);
	/* The user knows the file by its original name. */
	return rc == 0 ? saved_dir_err_contents(from, f->raw.name, e) : rc < 0 ? -1 : 0;
}

/* Copies all files to TO, raw, and writes its manifest. Returns 0 or -1. */
static int fill(struct saved_dir *from, struct saved_dir *to, struct err *e)
{
	size_t i;

	for (i = 0; i < from->files.n; i++) {
		const struct saved_file *f = &from->files.v[i];

		if (take_file(from, to, f, e) < 0)
			return -1;
		if (manifest_add(&to->files, f->raw.name, e) < 0)
			return -1;
		to->files.v[i].raw.size = f->raw.size;
		(void)memcpy(to->files.v[i].raw.digest, f->raw.digest, SHA256_HEX);
	}
	if (saved_dir_write_manifest(to, e) < 0)
		return -1;
	saved_dir_save_verified(to);
	return 0;
}

int saved_copy(const char *dir, const char *dest, struct err *e)
{
	AUTO_SAVED_DIR struct saved_dir from = { .fd = -1 };
	struct saved_dir to = { .fd = -1 };
	struct outdir o;
	struct stat st;
	int rc;

	if (saved_dir_open(&from, dir, e) < 0 || saved_dir_load(&from, e) != 1)
		return -1;
	if (fstat(from.fd, &st) < 0)
		return err_sys(e, "%s", dir);
	if (outdir_open(&o, dest, st.st_mode & 0777, e) < 0)
		return -1;
	/* This lock also keeps others from removing the unfinished directory, so it is held until the rename. */
	rc = saved_dir_open(&to, o.tmp, e);
	if (rc == 0)
		rc = fill(&from, &to, e);
	if (rc == 0)
		rc = outdir_commit(&o, e);
	saved_dir_close(&to);
	if (o.tmp != NULL)
		outdir_abort(&o);
	return rc;
}
