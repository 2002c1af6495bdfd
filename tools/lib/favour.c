#include "favour.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "num.h"

/* The highest is 10000: one that somebody chose is told from ours. */
#define WEIGHT "9999\n"

enum { GROUPS_MAX = 32, COMM_MAX = 15 };

struct groups {
	struct {
		char *path, weight[16];
	} v[GROUPS_MAX];
	size_t n;
};

/* The first N - 1 bytes of DIR/NAME/FILE as a string; "" if they cannot be read. */
static void read_text(const char *dir, const char *name, const char *file, char *text, size_t n)
{
	char path[512];
	AUTO_CLOSE int fd = -1;
	ssize_t got;

	text[0] = '\0';
	if (snprintf(path, sizeof path, "%s/%s/%s", dir, name, file) >= (int)sizeof path)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, n - 1);
	text[got < 0 ? 0 : got] = '\0';
}

static int put_weight(const char *path, const char *weight)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(weight);

	return fd >= 0 && write(fd, weight, n) == (ssize_t)n ? 0 : -1;
}

static void raise_group(struct groups *g, const char *root, const char *group)
{
	char *path = NULL;

	if (g->n == GROUPS_MAX)
		return;
	read_text(root, group, "cpu.weight", g->v[g->n].weight, sizeof g->v[g->n].weight);
	if (g->v[g->n].weight[0] == '\0' || strcmp(g->v[g->n].weight, WEIGHT) == 0 ||
	    asprintf(&path, "%s/%s/cpu.weight", root, group) < 0)
		return;
	if (put_weight(path, WEIGHT) < 0) {
		free(path);
		return;
	}
	g->v[g->n++].path = path;
}

/* cgroups(7): of the hierarchy of version 2 the line is "0::/PATH"; the group, and each above it. */
static void raise_process(struct groups *g, const struct favour_roots *roots, const char *pid)
{
	char text[1024], *group, *slash;

	read_text(roots->proc, pid, "cgroup", text, sizeof text);
	group = strstr(text, "0::/");
	if (group == NULL || (group != text && group[-1] != '\n'))
		return;
	group += strlen("0::/");
	group[strcspn(group, "\n")] = '\0';
	while (group[0] != '\0') {
		raise_group(g, roots->cgroup, group);
		slash = strrchr(group, '/');
		*(slash == NULL ? group : slash) = '\0';
	}
}

static bool named(const struct words *names, const char *comm)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strncmp(names->v[i], comm, COMM_MAX) == 0)
			return true;
	return false;
}

static void raise_all(struct groups *g, const struct favour_roots *roots, const struct words *names)
{
	DIR *proc = opendir(roots->proc);
	struct dirent *d;
	char comm[COMM_MAX + 2];
	int64_t pid;

	while (proc != NULL && (d = readdir(proc)) != NULL) {
		if (num_parse(d->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		read_text(roots->proc, d->d_name, "comm", comm, sizeof comm);
		comm[strcspn(comm, "\n")] = '\0';
		if (named(names, comm))
			raise_process(g, roots, d->d_name);
	}
	if (proc != NULL)
		(void)closedir(proc);
}

void favour(const struct favour_roots *roots, const struct words *names, int ms)
{
	struct groups g = { .n = 0 };
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	sigset_t ends, before;
	size_t i;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGHUP);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &ends, &before);
	raise_all(&g, roots, names);
	if (g.n > 0)
		(void)sigtimedwait(&ends, NULL, &t);
	for (i = 0; i < g.n; i++) {
		(void)put_weight(g.v[i].path, g.v[i].weight);
		free(g.v[i].path);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}
