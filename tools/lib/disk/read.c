#include "disk/read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/args.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/qemu_img.h"
#include "base/unfinished.h"

/* Timeouts: for the server to listen, without a byte of an answer (the disk may be on a slow network), to exit. */
enum { START_MS = 30000, STALL_MS = 60000, POLL_MS = 5, END_MS = 1000 };
/* Most connections at the same time: more than disk/scan has threads. */
#define SHARED "8"

bool diskread_format_ok(const char *format)
{
	size_t n = strlen(format);

	return n > 0 && n < 16 && strspn(format, "abcdefghijklmnopqrstuvwxyz0123456789-") == n && format[0] != '-';
}

/* Connects to the socket. Returns a descriptor or -1 with errno. */
static int dial(const struct diskread *d)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), saved;

	(void)strncpy(to.sun_path, d->socket_, sizeof to.sun_path - 1);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

int diskread_connect(const struct diskread *d, struct nbd *n, struct err *e)
{
	int fd = dial(d);

	*n = (struct nbd){ .fd_ = -1 };
	return fd >= 0 ? nbd_start(n, fd, STALL_MS, e) : err_sys(e, "qemu-nbd");
}

/* Waits until DEADLINE for the server to exit. Returns 1 with its first line of output in E, 0 if it runs, or -1. */
static int ended(struct diskread *d, int64_t deadline, int said, const char *path, struct err *e)
{
	static const char self[] = "qemu-nbd: ";
	char text[512] = "";
	int status, rc = child_wait(&d->server_, deadline, &status, e);
	const char *words = text;
	ssize_t n;

	if (rc <= 0)
		return rc;
	n = pread(said, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, self, sizeof self - 1) == 0)
		words += sizeof self - 1;
	(void)close(d->server_.pidfd);
	d->server_ = (struct child){ -1, -1 };
	(void)err_set(e, "%s: qemu-nbd: %s", path, *words != '\0' ? words : "exited");
	return 1;
}

/* Waits until the server listens. Returns 0 or -1. */
static int wait_for_it(struct diskread *d, int said, const char *path, struct err *e)
{
	int64_t deadline = now_ms() + START_MS;
	int fd;

	while ((fd = dial(d)) < 0) {
		if (errno != ENOENT && errno != ECONNREFUSED)
			return err_sys(e, "%s: qemu-nbd", path);
		if (ended(d, now_ms() + POLL_MS, said, path, e) != 0)
			return -1;
		if (ms_left(deadline) == 0)
			return err_set(e, "%s: qemu-nbd does not start", path);
	}
	(void)close(fd);
	return 0;
}

/* Asks for the size. The server may listen before it opens the image, and then exit: report what it said. */
static int read_size(struct diskread *d, int said, const char *path, struct err *e)
{
	struct nbd n = { .fd_ = -1 };
	int rc = diskread_connect(d, &n, e);

	d->size = n.size;
	nbd_close(&n);
	if (rc == 0 || ended(d, now_ms() + END_MS, said, path, e) != 0)
		return rc;
	return err_prefix(e, "%s", path);
}

static int start(struct diskread *d, const char *path, const char *format, int said, struct err *e)
{
	struct args a = { 0 };
	int rc;

	args_add(&a, "qemu-nbd");
	args_add(&a, "--read-only");
	args_add(&a, "--persistent");
	args_add(&a, "--shared=" SHARED);
	args_add(&a, "--socket=%s", d->socket_);
	args_add(&a, "--format=%s", format);
	qemu_img_file(&a, path);
	rc =
	    a.failed ? err_no_memory(e) : child_start(&d->server_, a.v, &(struct child_io){ -1, -1, said }, SIGKILL, e);
	args_free(&a);
	return rc;
}

int diskread_open(struct diskread *d, const char *path, const char *format, struct err *e)
{
	AUTO_CLOSE int said = memfd_create("said", MFD_CLOEXEC);
	const char *tmp = getenv("TMPDIR");
	char *dir;

	*d = (struct diskread){ .server_ = { -1, -1 } };
	/* The path of a socket has at most 107 bytes. */
	if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > 64)
		tmp = "/tmp";
	if (said < 0)
		return err_sys(e, "memfd_create");
	if (access(path, R_OK) < 0)
		return err_sys(e, "%s", path);
	if (asprintf(&dir, "%s/kubestamp-nbd.XXXXXX", tmp) < 0)
		return err_no_memory(e);
	if (mkdtemp(dir) == NULL) {
		(void)err_sys(e, "%s", dir);
		free(dir);
		return -1;
	}
	d->dir_ = dir;
	if (unfinished_add(d->dir_) < 0)
		return err_sys(e, "%s", dir);
	if (asprintf(&d->socket_, "%s/nbd", dir) < 0) {
		d->socket_ = NULL;
		return err_no_memory(e);
	}
	if (start(d, path, format, said, e) < 0 || wait_for_it(d, said, path, e) < 0)
		return -1;
	return read_size(d, said, path, e);
}

void diskread_close(struct diskread *d)
{
	if (d->server_.pid > 0)
		child_kill(&d->server_);
	if (d->dir_ != NULL) {
		(void)unfinished_remove_dir(d->dir_);
		unfinished_drop(d->dir_);
	}
	free(d->dir_);
	free(d->socket_);
	*d = (struct diskread){ .server_ = { -1, -1 } };
}
