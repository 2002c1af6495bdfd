#include "oci/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

enum { LOCK_POLL_MS = 20 };

/* out.h keeps its list of unfinished files for one thread. */
static pthread_mutex_t out_mutex = PTHREAD_MUTEX_INITIALIZER;

char *layout_path(const struct layout *l, const char *a, const char *b, struct err *e)
{
	char *p;

	if (asprintf(&p, "%s/%s%s%s", l->dir, a, *b != '\0' ? "/" : "", b) >= 0)
		return p;
	(void)err_set(e, "%s: out of memory", l->dir);
	return NULL;
}

int layout_lock(const struct layout *l, int fd, int how, struct err *e)
{
	while (flock(fd, how | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "%s: lock", l->dir);
		if (ms_left(l->deadline) == 0) {
			(void)err_set(e, "%s: another process keeps it locked", l->dir);
			return LAYOUT_LATE;
		}
		(void)poll(NULL, 0, LOCK_POLL_MS);
	}
	return 0;
}

int layout_write(const struct layout *l, const char *name, const char *text, struct err *e)
{
	AUTO_FREE char *path = layout_path(l, name, "", e);
	struct out o;

	if (path == NULL || out_open(&o, path, 0666, e) < 0)
		return -1;
	(void)fputs(text, o.f);
	return out_commit(&o, e);
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	bool empty = d != NULL;

	while (d != NULL && (f = readdir(d)) != NULL)
		if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
			empty = false;
	if (d != NULL)
		(void)closedir(d);
	return empty;
}

/* Makes DIR an empty layout unless it is a layout. The index comes last: what has one is whole. */
static int create_layout(struct layout *l, struct err *e)
{
	AUTO_FREE char *index = layout_path(l, "index.json", "", e);
	AUTO_FREE char *mark = layout_path(l, "oci-layout", "", e);
	AUTO_FREE char *blobs = layout_path(l, "blobs", "", e);
	AUTO_FREE char *sha256 = layout_path(l, LAYOUT_BLOBS, "", e);
	int rc;

	if (index == NULL || mark == NULL || blobs == NULL || sha256 == NULL)
		return -1;
	/* Of two that create it the second one waits here, and then finds a layout. */
	if ((rc = layout_lock(l, l->index_lock, LOCK_EX, e)) < 0)
		return rc;
	if (access(mark, F_OK) < 0 && !is_empty(l->dir))
		return err_set(e, "%s: neither empty nor an OCI layout", l->dir);
	if (access(mark, F_OK) < 0 && layout_write(l, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", e) < 0)
		return -1;
	if ((mkdir(blobs, 0777) < 0 && errno != EEXIST) || (mkdir(sha256, 0777) < 0 && errno != EEXIST))
		return err_sys(e, "%s", sha256);
	if (access(index, F_OK) < 0 && layout_write(l, "index.json", "{\"manifests\":[],\"schemaVersion\":2}", e) < 0)
		return -1;
	return flock(l->index_lock, LOCK_UN) == 0 ? 0 : err_sys(e, "%s: unlock", l->dir);
}

int layout_open(struct layout *l, const char *dir, bool create, int64_t deadline, struct err *e)
{
	AUTO_FREE char *blobs = NULL;
	int rc;

	*l = (struct layout){ .dir = strdup(dir), .deadline = deadline, .index_lock = -1, .blobs_lock = -1 };
	if (l->dir == NULL)
		return err_set(e, "%s: out of memory", dir);
	if (create && mkdir(dir, 0777) < 0 && errno != EEXIST)
		return err_sys(e, "%s", dir);
	l->index_lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->index_lock < 0)
		return err_sys(e, "%s", dir);
	if (create && (rc = create_layout(l, e)) < 0)
		return rc;
	if ((blobs = layout_path(l, LAYOUT_BLOBS, "", e)) == NULL)
		return -1;
	l->blobs_lock = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->blobs_lock >= 0 ? 0 : err_sys(e, "%s", blobs);
}

void layout_close(struct layout *l)
{
	if (l->index_lock >= 0)
		(void)close(l->index_lock);
	if (l->blobs_lock >= 0)
		(void)close(l->blobs_lock);
	free(l->dir);
	*l = (struct layout){ .index_lock = -1, .blobs_lock = -1 };
}

int layout_hold_blobs(struct layout *l, struct err *e)
{
	return layout_lock(l, l->blobs_lock, LOCK_SH, e);
}

int layout_blob_begin(struct layout *l, struct out *o, struct err *e)
{
	static unsigned count;
	char name[32];
	AUTO_FREE char *path = NULL;
	int rc;

	(void)pthread_mutex_lock(&out_mutex);
	(void)snprintf(name, sizeof name, "%s%u", LAYOUT_TEMP, count++);
	path = layout_path(l, name, "", e);
	rc = path != NULL ? out_open(o, path, 0666, e) : -1;
	(void)pthread_mutex_unlock(&out_mutex);
	return rc;
}

int layout_blob_end(struct layout *l, struct out *o, const char *hex, struct err *e)
{
	char *path = layout_path(l, LAYOUT_BLOBS, hex, e);
	int rc = -1;

	(void)pthread_mutex_lock(&out_mutex);
	if (path != NULL) {
		/* Only now it is known what the file will be called. */
		free(o->path);
		o->path = path;
		rc = out_commit(o, e);
	} else {
		out_abort(o);
	}
	(void)pthread_mutex_unlock(&out_mutex);
	return rc;
}

void layout_blob_abort(struct out *o)
{
	(void)pthread_mutex_lock(&out_mutex);
	out_abort(o);
	(void)pthread_mutex_unlock(&out_mutex);
}

/* Copies the file PATH into a blob, which gets its name only when its digest is right. */
static int copy_blob(struct layout *l, const char *path, const struct oci_desc *d, struct err *e)
{
	AUTO_FCLOSE FILE *from = fopen(path, "re");
	struct sha256 *sum = sha256_new();
	char hex[SHA256_HEX], buf[65536];
	struct out o;
	size_t n;
	int rc = 0;

	if (from == NULL || sum == NULL || layout_blob_begin(l, &o, e) < 0) {
		sha256_free(sum);
		return from == NULL ? err_sys(e, "%s", path) : sum == NULL ? err_no_memory(e) : -1;
	}
	while (rc == 0 && (n = fread(buf, 1, sizeof buf, from)) > 0) {
		if (sha256_add(sum, buf, n) < 0)
			rc = err_set(e, "the digest failed");
		else if (fwrite(buf, 1, n, o.f) != n)
			rc = err_sys(e, "%s", l->dir);
	}
	if (rc == 0 && ferror(from))
		rc = err_sys(e, "%s", path);
	if (sha256_end(sum, hex) < 0 && rc == 0)
		rc = err_set(e, "the digest failed");
	if (rc == 0 && strcmp(hex, d->hex) != 0)
		rc = err_set(e, "%s: its contents are not what its name says", path);
	if (rc == 0)
		return layout_blob_end(l, &o, hex, e);
	layout_blob_abort(&o);
	return -1;
}

int layout_import(struct layout *l, const struct layout *from, const struct oci_desc *d, struct err *e)
{
	AUTO_FREE char *src = layout_path(from, LAYOUT_BLOBS, d->hex, e);
	AUTO_FREE char *dst = layout_path(l, LAYOUT_BLOBS, d->hex, e);
	struct stat st;

	if (src == NULL || dst == NULL)
		return -1;
	if (stat(src, &st) < 0)
		return err_sys(e, "%s", src);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != d->size)
		return err_set(e, "%s: not of the size that its image says", src);
	if (link(src, dst) == 0 || errno == EEXIST)
		return 0;
	return copy_blob(l, src, d, e);
}
