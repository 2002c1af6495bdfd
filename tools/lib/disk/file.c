#include "disk/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/flock.h"
#include "base/qemu_img.h"
#include "base/sparse.h"
#include "base/unfinished.h"

int diskfile_open(struct diskfile *f, const char *path, uint64_t size, struct err *e)
{
	struct stat opened, named;

	*f = (struct diskfile){ .path = path, .fd_ = -1 };
	if (stat(path, &named) == 0 && !S_ISREG(named.st_mode))
		return err_set(e, "%s: not a regular file", path);
	if (asprintf(&f->part, "%s.part", path) < 0) {
		f->part = NULL;
		return err_no_memory(e);
	}
	f->fd_ = open(f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (f->fd_ < 0)
		return err_sys(e, "%s", f->part);
	if (flock(f->fd_, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? err_set(e, "%s: another process is using it", f->part)
					    : err_sys(e, "%s: lock", f->part);
	/* The process that had it locked may have renamed it. */
	if (!flock_is_at(f->fd_, f->part) || fstat(f->fd_, &opened) < 0 || opened.st_nlink != 1 ||
	    !S_ISREG(opened.st_mode))
		return err_set(e, "%s: another process is using it", f->part);
	f->old = opened.st_size > 0;
	return ftruncate(f->fd_, (off_t)size) == 0 ? 0 : err_sys(e, "%s", f->part);
}

int diskfile_put(const struct diskfile *f, uint64_t offset, const void *data, size_t n, struct err *e)
{
	return sparse_write(f->fd_, offset, data, n) == 0 ? 0 : err_sys(e, "%s", f->part);
}

int diskfile_clear(const struct diskfile *f, uint64_t offset, uint64_t n, struct err *e)
{
	if (fallocate(f->fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)n) == 0)
		return 0;
	return err_sys(e, "%s", f->part);
}

/* Converts F to the file TO. Returns 0 or -1. */
static int convert(const struct diskfile *f, const char *format, const char *to, int64_t deadline, struct err *e)
{
	struct args a = { 0 };

	args_add(&a, "qemu-img");
	args_add(&a, "convert");
	args_add(&a, "-f");
	args_add(&a, "raw");
	args_add(&a, "-O");
	args_add(&a, "%s", format);
	/* Several requests at a time, in any order. */
	args_add(&a, "-W");
	qemu_img_file(&a, f->part);
	qemu_img_file(&a, to);
	return qemu_img(&a, f->path, -1, deadline, NULL, e);
}

int diskfile_end(struct diskfile *f, const char *format, int64_t deadline, struct err *e)
{
	AUTO_FREE char *tmp = NULL;
	int rc;

	if (strcmp(format, "raw") == 0)
		return rename(f->part, f->path) == 0 ? 0 : err_sys(e, "%s", f->path);
	if (asprintf(&tmp, "%s.tmp.%ld", f->path, (long)getpid()) < 0) {
		tmp = NULL;
		return err_no_memory(e);
	}
	if (unfinished_add(tmp) < 0)
		return err_sys(e, "%s", tmp);
	rc = convert(f, format, tmp, deadline, e);
	if (rc == 0 && rename(tmp, f->path) < 0)
		rc = err_sys(e, "%s", f->path);
	if (rc < 0)
		(void)unlink(tmp);
	else
		(void)unlink(f->part);
	unfinished_drop(tmp);
	return rc;
}

void diskfile_close(struct diskfile *f)
{
	if (f->fd_ >= 0)
		(void)close(f->fd_);
	free(f->part);
	*f = (struct diskfile){ .fd_ = -1 };
}
