#include "snapshot/base_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/sparse.h"

static int open_base(const char *path, struct stat *st, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) < 0)
		(void)err_sys(e, "%s", path);
	return fd;
}

json_t *base_disk_new(const char *path, struct err *e)
{
	char hex[SHA256_HEX];
	struct stat st;
	AUTO_CLOSE int fd = open_base(path, &st, e);

	/* In a container, only the machine may see it. */
	if (fd < 0)
		return json_pack("{s:s}", "path", path);
	if (blocks_digest(fd, (uint64_t)st.st_size, -1, hex, e) < 0) {
		(void)err_prefix(e, "%s", path);
		return NULL;
	}
	return json_pack("{s:s, s:I, s:I, s:I, s:s}", "path", path, "size", (json_int_t)st.st_size, "mtime",
	    (json_int_t)st.st_mtim.tv_sec, "mtime_ns", (json_int_t)st.st_mtim.tv_nsec, "digest", hex);
}

int base_disk_check(const json_t *base, struct err *e)
{
	const char *path = json_string_value(json_object_get(base, "path"));
	const char *digest = json_string_value(json_object_get(base, "digest"));
	char hex[SHA256_HEX];
	struct stat st;

	if (json_is_null(base))
		return 1;
	if (path == NULL)
		return err_set(e, "no backing file in its description"), 0;
	AUTO_CLOSE int fd = open_base(path, &st, e);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (digest == NULL)
		return 1;
	if (json_integer_value(json_object_get(base, "size")) != (json_int_t)st.st_size)
		return err_set(e, "%s: the size of the backing file has changed", path), 0;
	if (json_integer_value(json_object_get(base, "mtime")) == (json_int_t)st.st_mtim.tv_sec &&
	    json_integer_value(json_object_get(base, "mtime_ns")) == (json_int_t)st.st_mtim.tv_nsec)
		return 1;
	if (blocks_digest(fd, (uint64_t)st.st_size, -1, hex, e) < 0)
		return err_prefix(e, "%s", path);
	return strcmp(hex, digest) == 0 ? 1 : (err_set(e, "%s: the backing file has changed", path), 0);
}
