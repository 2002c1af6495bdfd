#include "base/flock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/num.h"

enum { POLL_MS = 20 };

int flock_until(int fd, int how, int64_t deadline, struct err *e)
{
	while (flock(fd, how | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock");
		if (ms_left(deadline) == 0)
			return 1;
		(void)poll(NULL, 0, POLL_MS);
	}
	return 0;
}

bool flock_is_at(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
	       opened.st_dev == named.st_dev;
}
