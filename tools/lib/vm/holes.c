#include "vm/holes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void vm_holes(const char *ram)
{
	static const char name[] = "ramholes.so";
	const char *others = getenv("LD_PRELOAD");
	AUTO_FREE char *all = NULL;
	char path[PATH_MAX + sizeof name];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *base;

	if (n <= 0)
		return;
	path[n] = '\0';
	base = strrchr(path, '/');
	if (base == NULL)
		return;
	(void)strcpy(base + 1, name);
	/* ld.so(8) parts the names in it by these. */
	if (strpbrk(path, ": ") != NULL || access(path, R_OK) < 0)
		return;
	if (asprintf(&all, "%s%s%s", path, others != NULL ? ":" : "", others != NULL ? others : "") < 0) {
		all = NULL;
		return;
	}
	(void)setenv("RAMHOLES", ram, 1);
	(void)setenv("LD_PRELOAD", all, 1);
}
