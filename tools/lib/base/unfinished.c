#include "base/unfinished.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { UNFINISHED_MAX = 16 };

/* A slot is either empty or set before its file exists, so that the handler never misses one. */
static char *volatile unfinished[UNFINISHED_MAX];

int unfinished_add(char *name)
{
	size_t i;

	for (i = 0; i < UNFINISHED_MAX; i++)
		if (unfinished[i] == NULL) {
			unfinished[i] = name;
			return 0;
		}
	errno = EMFILE;
	return -1;
}

void unfinished_drop(const char *name)
{
	size_t i;

	for (i = 0; i < UNFINISHED_MAX; i++)
		if (unfinished[i] == name)
			unfinished[i] = NULL;
}

/* Removes the files in the directory FD. readdir(3) allocates memory, which a signal handler must not do. */
static void empty(int fd)
{
	union {
		struct dirent64 first;
		char bytes[4096];
	} buf;
	ssize_t n, at;

	while ((n = getdents64(fd, &buf, sizeof buf)) > 0)
		for (at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(buf.bytes + at);

			(void)unlinkat(fd, d->d_name, 0);
			at += d->d_reclen;
		}
}

int unfinished_remove_dir(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	empty(fd);
	return rmdir(path);
}

static void remove_all(int sig)
{
	size_t i;

	for (i = 0; i < UNFINISHED_MAX; i++)
		if (unfinished[i] != NULL && unlink(unfinished[i]) < 0 && errno == EISDIR)
			(void)unfinished_remove_dir(unfinished[i]);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

void unfinished_catch_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = remove_all };
	size_t i;

	(void)sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof sigs / sizeof *sigs; i++)
		(void)sigaction(sigs[i], &sa, NULL);
}
