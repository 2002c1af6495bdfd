#include "snapshot/saved_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/flock.h"
#include "base/num.h"
#include "base/readfile.h"
#include "base/sparse.h"
#include "snapshot/verified.h"

/* Another process may keep the lock for as long as it takes to read a large file. */
enum { LOCK_MS = 600 * 1000 };

int saved_dir_err(const struct saved_dir *d, const char *name, struct err *e)
{
	return err_prefix(e, "%s: %s", d->path, name);
}

int saved_dir_err_contents(const struct saved_dir *d, const char *name, struct err *e)
{
	(void)err_set(e, "its contents are not those that were saved");
	return saved_dir_err(d, name, e);
}

static int lock(const struct saved_dir *d, struct err *e)
{
	int rc = flock_until(d->fd, LOCK_EX, now_ms() + LOCK_MS, e);

	if (rc > 0)
		return err_set(e, "%s: locked by another process", d->path);
	return rc < 0 ? err_prefix(e, "%s", d->path) : 0;
}

/* Reads a JSON file; TEXT is to be freed. Returns 1; 0 if it is missing, too long or not a plain file; or -1. */
static int read_json(
    const struct saved_dir *d, const char *name, char **text, size_t *n, struct stat *st, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	int rc = saved_dir_file(d, name, &fd, st, e);

	if (rc != 1)
		return rc;
	if (st->st_size > (off_t)MANIFEST_MAX) {
		(void)err_set(e, "too long");
		(void)saved_dir_err(d, name, e);
		return 0;
	}
	return read_fd(fd, name, MANIFEST_MAX, text, n, e) < 0 ? err_prefix(e, "%s", d->path) : 1;
}

int saved_dir_open(struct saved_dir *d, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct err none;
	struct stat st;
	size_t n = 0;

	*d = (struct saved_dir){ .path = path, .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (d->fd < 0)
		return err_sys(e, "%s", path);
	if (lock(d, e) < 0)
		return -1;
	/* Another user's table is not trusted. Whatever is wrong with the table, the files can be read instead. */
	if (read_json(d, SAVED_VERIFIED, &text, &n, &st, &none) == 1 && st.st_uid == geteuid())
		d->verified = verified_parse(text, n);
	else
		d->verified = verified_parse(NULL, 0);
	return d->verified != NULL ? 0 : err_no_memory(e);
}

int saved_dir_load(struct saved_dir *d, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t n = 0;
	int rc = read_json(d, SAVED_MANIFEST, &text, &n, &st, e);

	if (rc != 1 || manifest_parse(&d->files, text, n, e) == 0)
		return rc;
	(void)saved_dir_err(d, SAVED_MANIFEST, e);
	return 0;
}

static int write_json(const struct saved_dir *d, const char *name, unsigned mode, const char *text, struct err *e)
{
	struct stat st;
	struct out o;

	if (text == NULL)
		return err_no_memory(e);
	if (saved_dir_create(d, name, mode, &o, e) < 0)
		return -1;
	(void)fputs(text, o.f);
	(void)fputc('\n', o.f);
	return saved_dir_commit(&o, &st, e);
}

int saved_dir_write_manifest(const struct saved_dir *d, struct err *e)
{
	AUTO_FREE char *text = manifest_dump(&d->files);

	return write_json(d, SAVED_MANIFEST, 0666, text, e);
}

void saved_dir_save_verified(struct saved_dir *d)
{
	AUTO_FREE char *text = NULL;
	struct err none;

	if (!d->new_verified)
		return;
	/* If it cannot be written the files are read again the next time. */
	text = json_dumps(d->verified, JSON_INDENT(1) | JSON_SORT_KEYS);
	(void)write_json(d, SAVED_VERIFIED, 0600, text, &none);
	d->new_verified = false;
}

void saved_dir_close(struct saved_dir *d)
{
	saved_dir_save_verified(d);
	json_decref(d->verified);
	manifest_free(&d->files);
	if (d->fd >= 0)
		(void)close(d->fd);
	*d = (struct saved_dir){ .fd = -1 };
}

bool saved_dir_has(const struct saved_dir *d, const char *name)
{
	struct stat st;

	return fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int saved_dir_file(const struct saved_dir *d, const char *name, int *fd, struct stat *st, struct err *e)
{
	/* A symbolic link could point outside the directory; opening a pipe would block. */
	*fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENXIO) {
		(void)err_sys(e, "open");
		return saved_dir_err(d, name, e);
	}
	if (*fd < 0 && errno == ENOENT) {
		(void)err_set(e, "missing");
	} else if (*fd >= 0 && fstat(*fd, st) == 0 && S_ISREG(st->st_mode)) {
		return 1;
	} else {
		(void)err_set(e, "not a plain file");
	}
	(void)saved_dir_err(d, name, e);
	return 0;
}

void saved_dir_set_verified(struct saved_dir *d, const struct saved_form *form, const struct stat *st)
{
	verified_set(d->verified, form, st, !d->unsynced);
	d->new_verified = true;
}

int saved_dir_digest(struct saved_dir *d, int fd, const struct stat *st, struct saved_form *form, struct err *e)
{
	bool settled = verified_settle(st);
	struct stat after;

	form->size = (uint64_t)st->st_size;
	if (blocks_digest(fd, form->size, -1, form->digest, e) < 0)
		return saved_dir_err(d, form->name, e);
	if (fstat(fd, &after) < 0 || !verified_unchanged(st, &after)) {
		(void)err_set(e, "it changed while it was being read");
		return saved_dir_err(d, form->name, e);
	}
	if (settled)
		saved_dir_set_verified(d, form, st);
	return 0;
}

int saved_dir_verify(struct saved_dir *d, const struct saved_form *form, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct saved_form found = { .name = form->name };
	struct stat st;
	int rc = saved_dir_file(d, form->name, &fd, &st, e);

	if (rc != 1)
		return rc;
	if ((uint64_t)st.st_size != form->size) {
		(void)err_set(
		    e, "%lld bytes, but %llu when it was saved", (long long)st.st_size, (unsigned long long)form->size);
		(void)saved_dir_err(d, form->name, e);
		return 0;
	}
	if (verified_has(d->verified, form, &st))
		return 1;
	if (saved_dir_digest(d, fd, &st, &found, e) < 0)
		return -1;
	if (strcmp(found.digest, form->digest) == 0)
		return 1;
	(void)saved_dir_err_contents(d, form->name, e);
	return 0;
}

int saved_dir_create(const struct saved_dir *d, const char *name, unsigned mode, struct out *o, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct stat st;

	/* base/output would write into a device, or follow a symbolic link. */
	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode)) {
		(void)err_set(e, "not a plain file");
		return saved_dir_err(d, name, e);
	}
	if (asprintf(&path, "%s/%s", d->path, name) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	return out_open(o, path, mode, e);
}

int saved_dir_commit(struct out *o, struct stat *st, struct err *e)
{
	AUTO_CLOSE int fd = dup(fileno(o->f));

	if (fd < 0 || fflush(o->f) != 0 || fsync(fd) < 0) {
		(void)err_sys(e, "%s", o->path);
		out_abort(o);
		return -1;
	}
	/* Renaming sets the final ctime. */
	if (out_commit(o, e) < 0)
		return -1;
	return fstat(fd, st) == 0 ? 0 : err_sys(e, "fstat");
}

int saved_dir_remove(const struct saved_dir *d, const char *name, struct err *e)
{
	if (fsync(d->fd) == 0 && (unlinkat(d->fd, name, 0) == 0 || errno == ENOENT))
		return 0;
	(void)err_sys(e, "remove");
	return saved_dir_err(d, name, e);
}
