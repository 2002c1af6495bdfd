#include "oci/layout_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/flock.h"

/* Opens and locks the file. Returns 0, 1 if another process has it locked, or -1. */
static int open_file(struct layout_part *p, struct err *e)
{
	for (;;) {
		p->fd_ = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (p->fd_ < 0)
			return err_sys(e, "%s", p->path);
		if (flock(p->fd_, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? 1 : err_sys(e, "%s: lock", p->path);
		if (flock_is_at(p->fd_, p->path))
			return 0;
		(void)close(p->fd_);
		p->fd_ = -1;
	}
}

/* Adds the contents of the file to the digest. */
static int read_back(struct layout_part *p, uint64_t size, struct err *e)
{
	char buf[65536];
	ssize_t n;

	while ((n = pread(p->fd_, buf, sizeof buf, (off_t)p->have)) > 0) {
		p->have += (uint64_t)n;
		if (p->have > size)
			return layout_part_empty(p, e);
		if (sha256_add(p->sum, buf, (size_t)n) < 0)
			return err_set(e, "cannot compute the digest");
	}
	return n == 0 ? 0 : err_sys(e, "%s", p->path);
}

int layout_part_open(struct layout *l, struct layout_part *p, const char *hex, uint64_t size, struct err *e)
{
	char name[sizeof LAYOUT_TEMP + SHA256_HEX + 16];
	int rc;

	*p = (struct layout_part){ .fd_ = -1, .sum = sha256_new() };
	if (p->sum == NULL)
		return err_no_memory(e);
	(void)snprintf(name, sizeof name, LAYOUT_TEMP "%s", hex);
	if ((p->path = layout_path(l, name, "", e)) == NULL || (rc = open_file(p, e)) < 0)
		return -1;
	if (rc == 0)
		return read_back(p, size, e);
	(void)close(p->fd_);
	free(p->path);
	p->fd_ = -1;
	p->shared_ = true;
	(void)snprintf(name, sizeof name, LAYOUT_TEMP "%s.%ld", hex, (long)getpid());
	return (p->path = layout_path(l, name, "", e)) != NULL && open_file(p, e) == 0 ? 0 : -1;
}

int layout_part_add(struct layout_part *p, const void *data, size_t n, struct err *e)
{
	size_t done = 0;
	ssize_t w;

	if (sha256_add(p->sum, data, n) < 0)
		return err_set(e, "cannot compute the digest");
	while (done < n) {
		w = pwrite(p->fd_, (const char *)data + done, n - done, (off_t)p->have);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, "%s", p->path);
		done += (size_t)w;
		p->have += (uint64_t)w;
	}
	return 0;
}

int layout_part_empty(struct layout_part *p, struct err *e)
{
	sha256_free(p->sum);
	p->sum = sha256_new();
	p->have = 0;
	if (p->sum == NULL)
		return err_no_memory(e);
	return ftruncate(p->fd_, 0) == 0 ? 0 : err_sys(e, "%s", p->path);
}

int layout_part_end(struct layout *l, struct layout_part *p, const char *hex, struct err *e)
{
	AUTO_FREE char *path = layout_path(l, LAYOUT_BLOBS, hex, e);
	struct sha256 *sum = p->sum;
	char is[SHA256_HEX];

	if (path == NULL)
		return -1;
	p->sum = NULL;
	if (sha256_end(sum, is) < 0)
		return err_set(e, "cannot compute the digest");
	if (strcmp(is, hex) != 0) {
		if (layout_part_empty(p, e) < 0)
			return -1;
		(void)err_set(e, "its digest is sha256:%s", is);
		return LAYOUT_PART_WRONG;
	}
	if (rename(p->path, path) < 0)
		return err_sys(e, "%s", path);
	free(p->path);
	p->path = NULL;
	layout_part_close(p);
	return 0;
}

void layout_part_close(struct layout_part *p)
{
	/* An empty part is of no use to another process. */
	if (p->path != NULL && p->fd_ >= 0 && (p->have == 0 || p->shared_))
		(void)unlink(p->path);
	if (p->fd_ >= 0)
		(void)close(p->fd_);
	sha256_free(p->sum);
	free(p->path);
	*p = (struct layout_part){ .fd_ = -1 };
}
