#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sparse.h"
#include "base/outdir.h"
#include "snapshot/dir.h"
#include "snapshot/pack.h"
#include "snapshot/trust.h"

/* Gives TO the very file. Returns whether that was possible. */
static bool link_file(struct vmhold *from, struct vmhold *to, const struct vmform *form)
{
	struct stat before, after;
	bool trusted =
	    fstatat(from->fd, form->name, &before, AT_SYMLINK_NOFOLLOW) == 0 && vmtrust_has(from->trust, form, &before);

	if (linkat(from->fd, form->name, to->fd, form->name, 0) < 0)
		return false;
	/* A new link is a new ctime, and nothing else: then the file is still what it was found to be. */
	if (!trusted || fstatat(to->fd, form->name, &after, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	before.st_ctim = after.st_ctim;
	if (vmtrust_same(&before, &after)) {
		vmtrust_again(to->trust, from->trust, form, &after);
		vmtrust_again(from->trust, from->trust, form, &after);
		from->told = to->told = true;
	}
	return true;
}

/* Gives TO a file with the same contents; it is still to be verified. Returns 0 or -1. */
static int copy_file(const struct vmhold *from, const struct vmhold *to, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char hex[SHA256_HEX];
	struct stat st;
	struct out o;

	if (vmhold_file(from, name, &fd, &st, e) != 1 || vmhold_create(to, name, st.st_mode & 0777, &o, e) < 0)
		return -1;
	if (ioctl(fileno(o.f), FICLONE, fd) < 0 && blocks_digest(fd, (uint64_t)st.st_size, fileno(o.f), hex, e) < 0) {
		out_abort(&o);
		return vmhold_says(from, name, e);
	}
	return vmhold_commit(&o, &st, e);
}

static int take_file(struct vmhold *from, struct vmhold *to, const struct vmfile *f, struct err *e)
{
	int rc;

	if (f->packed.name != NULL && !vmhold_has(from, f->raw.name))
		return vmpack_expand(from, to, f, e);
	if (!link_file(from, to, &f->raw) && copy_file(from, to, f->raw.name, e) < 0)
		return -1;
	rc = vmhold_verify(to, &f->raw, e);
	/* The reader knows the file by where it came from. */
	return rc == 0 ? vmhold_not_saved(from, f->raw.name, e) : rc < 0 ? -1 : 0;
}

/* Fills TO, whose manifest has the same files, all raw. Returns 0 or -1. */
static int fill(struct vmhold *from, struct vmhold *to, struct err *e)
{
	size_t i;

	for (i = 0; i < from->files.n; i++) {
		const struct vmfile *f = &from->files.v[i];

		if (take_file(from, to, f, e) < 0)
			return -1;
		if (vmfiles_add(&to->files, f->raw.name, e) < 0)
			return -1;
		to->files.v[i].raw.size = f->raw.size;
		(void)memcpy(to->files.v[i].raw.digest, f->raw.digest, SHA256_HEX);
	}
	if (vmhold_save(to, e) < 0)
		return -1;
	vmhold_remember(to);
	return 0;
}

int vmdir_copy(const char *dir, const char *dest, struct err *e)
{
	AUTO_VMHOLD struct vmhold from = { .fd = -1 };
	struct vmhold to = { .fd = -1 };
	struct outdir o;
	struct stat st;
	int rc;

	if (vmhold_open(&from, dir, e) < 0 || vmhold_load(&from, e) != 1)
		return -1;
	if (fstat(from.fd, &st) < 0)
		return err_sys(e, "%s", dir);
	if (outdir_open(&o, dest, st.st_mode & 0777, e) < 0)
		return -1;
	/* This lock also says that the unfinished directory is somebody's: it is kept until that is whole. */
	rc = vmhold_open(&to, o.tmp, e);
	if (rc == 0)
		rc = fill(&from, &to, e);
	if (rc == 0)
		rc = outdir_commit(&o, e);
	vmhold_close(&to);
	if (o.tmp != NULL)
		outdir_abort(&o);
	return rc;
}
