#include "base/mkdirs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static int make_one(const char *path, mode_t mode, struct err *e)
{
	return mkdir(path, mode) < 0 && errno != EEXIST ? err_sys(e, "%s", path) : 0;
}

int mkdirs_above(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *part = strdup(path);
	char *slash;

	if (part == NULL)
		return err_no_memory(e);
	for (slash = part; *slash != '\0' && (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		if (make_one(part, mode, e) < 0)
			return -1;
	}
	return 0;
}

int mkdirs(const char *path, mode_t mode, struct err *e)
{
	return mkdirs_above(path, mode, e) < 0 ? -1 : make_one(path, mode, e);
}
