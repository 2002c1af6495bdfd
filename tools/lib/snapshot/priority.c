#include "snapshot/priority.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/procs.h"
#include "base/readfile.h"

/* The maximum is 10000: a maximum that somebody else has set is not mistaken for ours. */
#define WEIGHT "9999\n"

enum { GROUPS_MAX = 32 };

struct groups {
	const struct priority_roots *roots;
	struct {
		char *path, weight[16];
	} v[GROUPS_MAX];
	size_t n;
};

static int put_weight(const char *path, const char *weight)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(weight);

	return fd >= 0 && write(fd, weight, n) == (ssize_t)n ? 0 : -1;
}

static void raise_group(struct groups *g, const char *group)
{
	char *path = NULL, *weight = g->n == GROUPS_MAX ? NULL : g->v[g->n].weight;

	if (weight == NULL || asprintf(&path, "%s/%s/cpu.weight", g->roots->cgroup, group) < 0)
		return;
	read_file_head(path, weight, sizeof g->v[0].weight);
	if (weight[0] == '\0' || strcmp(weight, WEIGHT) == 0 || put_weight(path, WEIGHT) < 0)
		free(path);
	else
		g->v[g->n++].path = path;
}

/* Raises the group of a process and those above it. The line of the version 2 hierarchy is "0::/PATH", cgroups(7). */
static void raise_process(void *groups, pid_t pid)
{
	struct groups *g = groups;
	char text[1024], *group, *slash;

	procs_read(g->roots->proc, pid, "cgroup", text, sizeof text);
	group = strstr(text, "0::/");
	if (group == NULL || (group != text && group[-1] != '\n'))
		return;
	group += strlen("0::/");
	group[strcspn(group, "\n")] = '\0';
	while (group[0] != '\0') {
		raise_group(g, group);
		slash = strrchr(group, '/');
		*(slash == NULL ? group : slash) = '\0';
	}
}

void priority_raise(const struct priority_roots *roots, const struct words *names, int ms)
{
	struct groups g = { .roots = roots, .n = 0 };
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	sigset_t ends, before;
	size_t i;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGHUP);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &ends, &before);
	procs_each(roots->proc, names, raise_process, &g);
	if (g.n > 0)
		(void)sigtimedwait(&ends, NULL, &t);
	for (i = 0; i < g.n; i++) {
		(void)put_weight(g.v[i].path, g.v[i].weight);
		free(g.v[i].path);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}
