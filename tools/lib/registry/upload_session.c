#include "registry/upload_session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/flock.h"
#include "base/mkdirs.h"
#include "base/sha256.h"

enum { URL_MAX = 16384, WEEK = 7 * 24 * 3600 };

static int digest(const char *base, const char *repo, const char *hex, char name[SHA256_HEX])
{
	const char *parts[] = { base, " ", repo, " ", hex };
	struct sha256 *s = sha256_new();
	size_t i;

	for (i = 0; s != NULL && i < sizeof parts / sizeof *parts; i++)
		if (sha256_add(s, parts[i], strlen(parts[i])) < 0) {
			sha256_free(s);
			return -1;
		}
	return s != NULL ? sha256_end(s, name) : -1;
}

/* The path of NAME in the cache (free it), or NULL. */
static char *in_cache(const char *name)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path;
	int n = -1;

	if (cache != NULL && *cache == '/')
		n = asprintf(&path, "%s/kubestamp/uploads/%s", cache, name);
	else if (home != NULL && *home == '/')
		n = asprintf(&path, "%s/.cache/kubestamp/uploads/%s", home, name);
	return n >= 0 ? path : NULL;
}

void upload_session_sweep(void)
{
	AUTO_FREE char *dir = in_cache("");
	DIR *d = dir != NULL ? opendir(dir) : NULL;
	time_t limit = time(NULL) - WEEK;
	struct dirent *f;
	struct stat st;

	while (d != NULL && (f = readdir(d)) != NULL)
		if (fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtime < limit)
			(void)unlinkat(dirfd(d), f->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
}

/* Reads the URL from a file. A line that is not complete was being written when the process ended. */
static char *read_url(int fd)
{
	char text[URL_MAX];
	ssize_t n = pread(fd, text, sizeof text, 0);

	if (n < 8 || text[n - 1] != '\n' || strncmp(text, "http", 4) != 0)
		return NULL;
	return memchr(text, '\0', (size_t)n) == NULL ? strndup(text, (size_t)n - 1) : NULL;
}

void upload_session_open(struct upload_session *s, const char *base, const char *repo, const char *hex)
{
	char name[SHA256_HEX];
	AUTO_FREE char *path = digest(base, repo, hex, name) == 0 ? in_cache(name) : NULL;
	struct stat opened;
	struct err ignored;

	*s = (struct upload_session){ .fd_ = -1 };
	if (path == NULL || mkdirs_above(path, 0700, &ignored) < 0)
		return;
	s->fd_ = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd_ < 0)
		return;
	/* Another process may have removed the file before we got the lock. */
	if (flock(s->fd_, LOCK_EX | LOCK_NB) < 0 || !flock_is_at(s->fd_, path) || fstat(s->fd_, &opened) < 0 ||
	    opened.st_uid != geteuid()) {
		(void)close(s->fd_);
		s->fd_ = -1;
		return;
	}
	s->path = path;
	path = NULL;
	s->url = read_url(s->fd_);
}

void upload_session_set(struct upload_session *s, char *url)
{
	free(s->url);
	s->url = url;
	if (s->path == NULL || ftruncate(s->fd_, 0) < 0 || url == NULL || strlen(url) >= URL_MAX)
		return;
	(void)lseek(s->fd_, 0, SEEK_SET);
	(void)dprintf(s->fd_, "%s\n", url);
}

void upload_session_close(struct upload_session *s)
{
	if (s->path != NULL && s->url == NULL)
		(void)unlink(s->path);
	if (s->path != NULL)
		(void)close(s->fd_);
	free(s->path);
	free(s->url);
	*s = (struct upload_session){ .fd_ = -1 };
}
