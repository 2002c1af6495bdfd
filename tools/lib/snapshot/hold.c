#include "snapshot/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/sparse.h"
#include "base/num.h"
#include "snapshot/dir.h"
#include "snapshot/trust.h"

/* Others work on a directory for as long as a large file takes. */
enum { LOCK_MS = 600 * 1000, LOCK_POLL_MS = 20 };

int vmhold_says(const struct vmhold *h, const char *name, struct err *e)
{
	return err_prefix(e, "%s: %s", h->dir, name);
}

int vmhold_not_saved(const struct vmhold *h, const char *name, struct err *e)
{
	(void)err_set(e, "its contents are not those that were saved");
	return vmhold_says(h, name, e);
}

static int lock(const struct vmhold *h, struct err *e)
{
	int64_t deadline = now_ms() + LOCK_MS;

	while (flock(h->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "%s: lock", h->dir);
		if (ms_left(deadline) == 0)
			return err_set(e, "%s: another process keeps it locked", h->dir);
		(void)poll(NULL, 0, LOCK_POLL_MS);
	}
	return 0;
}

/* Reads a small file of DIR. Returns 1 (free TEXT), 0, or -1, as vmhold_file. */
static int slurp(const struct vmhold *h, const char *name, char **text, size_t *n, struct stat *st, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	int rc = vmhold_file(h, name, &fd, st, e);

	if (rc != 1)
		return rc;
	if (st->st_size > (off_t)VMFILES_MAX_JSON) {
		(void)err_set(e, "too long");
		(void)vmhold_says(h, name, e);
		return 0;
	}
	*n = (size_t)st->st_size;
	*text = malloc(*n + 1);
	if (*text == NULL)
		return err_no_memory(e);
	return block_read(fd, 0, *text, *n, e) < 0 ? vmhold_says(h, name, e) : 1;
}

int vmhold_open(struct vmhold *h, const char *dir, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct err none;
	struct stat st;
	size_t n = 0;

	*h = (struct vmhold){ .dir = dir, .fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (h->fd < 0)
		return err_sys(e, "%s", dir);
	if (lock(h, e) < 0)
		return -1;
	/* Another user's word is not taken. Whatever is wrong with it, the files can be read. */
	if (slurp(h, VMDIR_VERIFIED, &text, &n, &st, &none) == 1 && st.st_uid == geteuid())
		h->trust = vmtrust_parse(text, n);
	else
		h->trust = vmtrust_parse(NULL, 0);
	return h->trust != NULL ? 0 : err_no_memory(e);
}

int vmhold_load(struct vmhold *h, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t n = 0;
	int rc = slurp(h, VMDIR_MANIFEST, &text, &n, &st, e);

	if (rc != 1 || vmfiles_parse(&h->files, text, n, e) == 0)
		return rc;
	(void)vmhold_says(h, VMDIR_MANIFEST, e);
	return 0;
}

static int write_json(const struct vmhold *h, const char *name, unsigned mode, const char *text, struct err *e)
{
	struct stat st;
	struct out o;

	if (text == NULL)
		return err_no_memory(e);
	if (vmhold_create(h, name, mode, &o, e) < 0)
		return -1;
	(void)fputs(text, o.f);
	(void)fputc('\n', o.f);
	return vmhold_commit(&o, &st, e);
}

int vmhold_save(const struct vmhold *h, struct err *e)
{
	AUTO_FREE char *text = vmfiles_dump(&h->files);

	return write_json(h, VMDIR_MANIFEST, 0666, text, e);
}

void vmhold_remember(struct vmhold *h)
{
	AUTO_FREE char *text = NULL;
	struct err none;

	if (!h->told)
		return;
	/* Where it cannot be written the files are read again: that is all. */
	text = json_dumps(h->trust, JSON_INDENT(1) | JSON_SORT_KEYS);
	(void)write_json(h, VMDIR_VERIFIED, 0600, text, &none);
	h->told = false;
}

void vmhold_close(struct vmhold *h)
{
	vmhold_remember(h);
	json_decref(h->trust);
	vmfiles_free(&h->files);
	if (h->fd >= 0)
		(void)close(h->fd);
	*h = (struct vmhold){ .fd = -1 };
}

bool vmhold_has(const struct vmhold *h, const char *name)
{
	struct stat st;

	return fstatat(h->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int vmhold_file(const struct vmhold *h, const char *name, int *fd, struct stat *st, struct err *e)
{
	/* A symbolic link could lead out of DIR, a pipe would be waited for. */
	*fd = openat(h->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENXIO) {
		(void)err_sys(e, "open");
		return vmhold_says(h, name, e);
	}
	if (*fd < 0 && errno == ENOENT) {
		(void)err_set(e, "it is missing");
	} else if (*fd >= 0 && fstat(*fd, st) == 0 && S_ISREG(st->st_mode)) {
		return 1;
	} else {
		(void)err_set(e, "not a plain file");
	}
	(void)vmhold_says(h, name, e);
	return 0;
}

void vmhold_trust(struct vmhold *h, const struct vmform *form, const struct stat *st)
{
	vmtrust_set(h->trust, form, st, !h->unsynced);
	h->told = true;
}

int vmhold_digest(struct vmhold *h, int fd, const struct stat *st, struct vmform *form, struct err *e)
{
	bool settled = vmtrust_settle(st);
	struct stat after;

	form->size = (uint64_t)st->st_size;
	if (blocks_digest(fd, form->size, -1, form->digest, e) < 0)
		return vmhold_says(h, form->name, e);
	if (fstat(fd, &after) < 0 || !vmtrust_same(st, &after)) {
		(void)err_set(e, "it changed while it was read");
		return vmhold_says(h, form->name, e);
	}
	if (settled)
		vmhold_trust(h, form, st);
	return 0;
}

int vmhold_verify(struct vmhold *h, const struct vmform *form, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct vmform found = { .name = form->name };
	struct stat st;
	int rc = vmhold_file(h, form->name, &fd, &st, e);

	if (rc != 1)
		return rc;
	if ((uint64_t)st.st_size != form->size) {
		(void)err_set(e, "it has %lld bytes, and had %llu when it was saved", (long long)st.st_size,
		    (unsigned long long)form->size);
		(void)vmhold_says(h, form->name, e);
		return 0;
	}
	if (vmtrust_has(h->trust, form, &st))
		return 1;
	if (vmhold_digest(h, fd, &st, &found, e) < 0)
		return -1;
	if (strcmp(found.digest, form->digest) == 0)
		return 1;
	(void)vmhold_not_saved(h, form->name, e);
	return 0;
}

int vmhold_create(const struct vmhold *h, const char *name, unsigned mode, struct out *o, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct stat st;

	/* lib/out would write into a device, or to where a symbolic link points. */
	if (fstatat(h->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode)) {
		(void)err_set(e, "not a plain file");
		return vmhold_says(h, name, e);
	}
	if (asprintf(&path, "%s/%s", h->dir, name) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	return out_open(o, path, mode, e);
}

int vmhold_commit(struct out *o, struct stat *st, struct err *e)
{
	AUTO_CLOSE int fd = dup(fileno(o->f));

	if (fd < 0 || fflush(o->f) != 0 || fsync(fd) < 0) {
		(void)err_sys(e, "%s", o->path);
		out_abort(o);
		return -1;
	}
	/* It gets its last ctime when it is renamed. */
	if (out_commit(o, e) < 0)
		return -1;
	return fstat(fd, st) == 0 ? 0 : err_sys(e, "fstat");
}

int vmhold_drop(const struct vmhold *h, const char *name, struct err *e)
{
	if (fsync(h->fd) == 0 && (unlinkat(h->fd, name, 0) == 0 || errno == ENOENT))
		return 0;
	(void)err_sys(e, "remove");
	return vmhold_says(h, name, e);
}
