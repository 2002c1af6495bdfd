#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/unfinished.h"

/* A device or a pipe cannot be replaced by a file; it is written directly. */
static int open_special(struct out *o, const char *path, struct err *e)
{
	o->path = strdup(path);
	o->f = o->path != NULL ? fopen(path, "we") : NULL;
	if (o->f != NULL)
		return 0;
	(void)err_sys(e, "%s", path);
	out_abort(o);
	return -1;
}

int out_open(struct out *o, const char *path, unsigned mode, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	size_t n = strlen(path) + 32;
	struct stat st;

	*o = (struct out){ 0 };
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return open_special(o, path, e);
	o->path = strdup(path);
	o->tmp = malloc(n);
	if (o->path == NULL || o->tmp == NULL) {
		out_abort(o);
		return err_no_memory(e);
	}
	(void)snprintf(o->tmp, n, "%s.tmp.%ld", path, (long)getpid());
	if (unfinished_add(o->tmp) < 0 || (fd = open(o->tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode)) < 0 ||
	    (o->f = fdopen(fd, "w+")) == NULL) {
		(void)err_sys(e, "%s", path);
		out_abort(o);
		return -1;
	}
	fd = -1;
	return 0;
}

static int close_whole(struct out *o, struct err *e)
{
	bool bad = fflush(o->f) != 0 || ferror(o->f) != 0;
	int saved = errno;

	if (fclose(o->f) != 0 && !bad) {
		bad = true;
		saved = errno;
	}
	o->f = NULL;
	if (!bad)
		return 0;
	errno = saved;
	return err_sys(e, "%s", o->path);
}

static void release(struct out *o)
{
	if (o->tmp != NULL)
		unfinished_drop(o->tmp);
	free(o->tmp);
	free(o->path);
	*o = (struct out){ 0 };
}

int out_commit(struct out *o, struct err *e)
{
	if (close_whole(o, e) < 0) {
		out_abort(o);
		return -1;
	}
	if (o->tmp != NULL && rename(o->tmp, o->path) < 0) {
		(void)err_sys(e, "%s", o->path);
		out_abort(o);
		return -1;
	}
	release(o);
	return 0;
}

static bool same_contents(FILE *a, const char *path)
{
	AUTO_FCLOSE FILE *b = fopen(path, "re");
	char x[8192], y[8192];
	size_t n, m;

	if (b == NULL)
		return false;
	rewind(a);
	do {
		n = fread(x, 1, sizeof x, a);
		m = fread(y, 1, sizeof y, b);
		if (n != m || memcmp(x, y, n) != 0)
			return false;
	} while (n > 0);
	return !ferror(a) && !ferror(b);
}

int out_commit_if_changed(struct out *o, struct err *e)
{
	if (o->tmp != NULL && fflush(o->f) == 0 && !ferror(o->f) && same_contents(o->f, o->path)) {
		out_abort(o);
		return 0;
	}
	return out_commit(o, e);
}

void out_abort(struct out *o)
{
	if (o->f != NULL)
		(void)fclose(o->f);
	if (o->tmp != NULL)
		(void)unlink(o->tmp);
	release(o);
}

int out_write(int fd, const void *data, size_t n)
{
	const char *at = data;
	ssize_t done;

	for (; n > 0; at += done, n -= (size_t)done) {
		done = write(fd, at, n);
		if (done < 0 && errno != EINTR)
			return -1;
		if (done < 0)
			done = 0;
	}
	return 0;
}
