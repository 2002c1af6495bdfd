#include "vm/overlays.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OVERLAYS_MAX 10000

/* Makes the name DISK.END. False if it is too long. */
static bool name(char path[PATH_MAX], const char *disk, const char *end)
{
	return snprintf(path, PATH_MAX, "%s.%s", disk, end) < PATH_MAX;
}

static bool name_overlay(char path[PATH_MAX], const char *disk, int number)
{
	return snprintf(path, PATH_MAX, "%s.%d", disk, number) < PATH_MAX;
}

int vm_overlay_top(const char *disk, char **top, struct err *e)
{
	const char *slash = strrchr(disk, '/');
	char link[PATH_MAX], to[NAME_MAX + 1];
	ssize_t n;

	*top = NULL;
	if (!name(link, disk, "top"))
		return err_set(e, "%s: name too long", disk);
	n = readlink(link, to, sizeof to - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s", link);
	to[n] = '\0';
	if (strchr(to, '/') != NULL)
		return err_set(e, "%s: does not point to a file in its own directory", link);
	if (asprintf(top, "%.*s%s", slash == NULL ? 0 : (int)(slash - disk + 1), disk, to) < 0) {
		*top = NULL;
		return err_no_memory(e);
	}
	return access(*top, F_OK) == 0 ? 0 : err_sys(e, "%s", *top);
}

char *vm_overlay_next(const char *disk, struct err *e)
{
	char path[PATH_MAX];
	char *next;
	int i;

	for (i = 1; i < OVERLAYS_MAX && name_overlay(path, disk, i); i++)
		if (access(path, F_OK) < 0) {
			next = strdup(path);
			if (next == NULL)
				(void)err_no_memory(e);
			return next;
		}
	(void)err_set(e, "%s: too many overlays", disk);
	return NULL;
}

int vm_overlay_set_top(const char *disk, const char *top, struct err *e)
{
	const char *slash = strrchr(top, '/');
	char link[PATH_MAX], new[PATH_MAX];

	if (!name(link, disk, "top") || !name(new, disk, "top.new"))
		return err_set(e, "%s: name too long", disk);
	(void)unlink(new);
	if (symlink(slash == NULL ? top : slash + 1, new) == 0 && rename(new, link) == 0)
		return 0;
	return err_sys(e, "%s", link);
}

void vm_overlays_remove(const char *disk)
{
	char path[PATH_MAX];
	int i;

	if (name(path, disk, "top"))
		(void)unlink(path);
	for (i = 1; i < OVERLAYS_MAX && name_overlay(path, disk, i); i++)
		if (unlink(path) < 0)
			break;
}
