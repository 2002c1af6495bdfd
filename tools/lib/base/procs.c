#include "base/procs.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/readfile.h"

enum { COMM_MAX = 15 };

void procs_read(const char *proc, pid_t pid, const char *file, char *text, size_t n)
{
	char path[256];

	text[0] = '\0';
	if (snprintf(path, sizeof path, "%s/%ld/%s", proc, (long)pid, file) < (int)sizeof path)
		read_file_head(path, text, n);
}

static bool has_name(const struct words *names, const char *comm)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strncmp(names->v[i], comm, COMM_MAX) == 0)
			return true;
	return false;
}

void procs_each(const char *proc, const struct words *names, void (*each)(void *arg, pid_t pid), void *arg)
{
	DIR *dir = opendir(proc);
	struct dirent *d;
	char comm[COMM_MAX + 2];
	int64_t pid;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (num_parse(d->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		procs_read(proc, (pid_t)pid, "comm", comm, sizeof comm);
		comm[strcspn(comm, "\n")] = '\0';
		/* The name is empty if the process has ended meanwhile. */
		if (comm[0] != '\0' && has_name(names, comm))
			each(arg, (pid_t)pid);
	}
	if (dir != NULL)
		(void)closedir(dir);
}
