#include "base/outdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/unfinished.h"

/* Is NAME that of an unfinished directory for BASE, that is BASE.tmp.PID? */
static bool is_unfinished(const char *name, const char *base)
{
	static const char tmp[] = ".tmp.";
	size_t n = strlen(base);

	if (strncmp(name, base, n) != 0 || strncmp(name + n, tmp, sizeof tmp - 1) != 0)
		return false;
	name += n + sizeof tmp - 1;
	return *name != '\0' && name[strspn(name, "0123456789")] == '\0';
}

/* Removes the directory NAME in PARENT unless it is locked, that is, still in use. */
static void remove_stale(const char *parent, const char *name)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;

	if (asprintf(&path, "%s/%s", parent, name) < 0) {
		path = NULL;
		return;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unfinished_remove_dir(path);
}

/* Removes what killed processes have left of PATH. */
static void sweep(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash != NULL ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
	DIR *d = parent != NULL ? opendir(parent) : NULL;
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (is_unfinished(entry->d_name, slash != NULL ? slash + 1 : path))
			remove_stale(parent, entry->d_name);
	if (d != NULL)
		(void)closedir(d);
}

static void release(struct outdir *o)
{
	if (o->tmp != NULL)
		unfinished_drop(o->tmp);
	free(o->tmp);
	free(o->path);
	*o = (struct outdir){ 0 };
}

int outdir_open(struct outdir *o, const char *path, unsigned mode, struct err *e)
{
	size_t n = strlen(path);
	struct stat st;

	while (n > 1 && path[n - 1] == '/')
		n--;
	*o = (struct outdir){ .path = strndup(path, n) };
	if (o->path == NULL || asprintf(&o->tmp, "%s.tmp.%ld", o->path, (long)getpid()) < 0) {
		o->tmp = NULL;
		release(o);
		return err_no_memory(e);
	}
	if (lstat(o->path, &st) == 0)
		(void)err_set(e, "%s: already exists", path);
	else if (sweep(o->path), unfinished_add(o->tmp) == 0 && mkdir(o->tmp, mode) == 0)
		return 0;
	else
		(void)err_sys(e, "%s", o->tmp);
	release(o);
	return -1;
}

int outdir_commit(struct outdir *o, struct err *e)
{
	if (rename(o->tmp, o->path) < 0) {
		(void)err_sys(e, "%s", o->path);
		outdir_abort(o);
		return -1;
	}
	release(o);
	return 0;
}

void outdir_abort(struct outdir *o)
{
	(void)unfinished_remove_dir(o->tmp);
	release(o);
}
