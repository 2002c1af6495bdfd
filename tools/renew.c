/* renew: what a machine does first when it resumes from a saved state: the time, random numbers of its own, new keys. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "snapshot/priority.h"
#include "base/num.h"
#include "base/procs.h"
#include "base/readfile.h"
#include "oci/ustar.h"

static const struct opt opts[] = {
	{ 'C', "directory", "DIR", "where the files go; the default is /" },
	{ 'f', "favour", "NAME", "for 2 s processes of this name have the CPU first" },
	{ 'H', "hang-up", "PIDFILE", "at the end send SIGHUP to the process it names" },
	{ 'o', "outdated", "NAME", "end processes of this name after a long standstill" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool renew_tool = {
	.name = "renew",
	.synopsis = "[options] < INPUT",
	.about = "Give a machine that resumes the time, randomness and files of its own.",
	.opts = opts,
};

/* A token of Kubernetes' controllers lasts an hour and is made anew after 48 minutes: it has 12 left, at least. */
enum { RANDOM_MAX = 512, FAVOUR_MS = 2000, LONG_S = 600 };

/* As struct rand_pool_info of linux/random.h, with room. */
struct random {
	int bits, n;
	unsigned char bytes[RANDOM_MAX];
};

static int bad_line(struct err *e)
{
	return err_set(e, "standard input: no time and random bytes in its first line");
}

/* "SECONDS.NANOSECONDS HEX": LINE is cut up. Returns 0 or -1. */
static int parse_line(char *line, struct timeval *now, struct random *random, struct err *e)
{
	char *fraction = strchr(line, '.'), *hex = strchr(line, ' ');
	int64_t seconds, nano;
	size_t i, n;

	if (fraction == NULL || hex == NULL || hex < fraction)
		return bad_line(e);
	*fraction++ = '\0';
	*hex++ = '\0';
	n = strlen(hex) / 2;
	if (num_parse(line, 0, INT64_C(1) << 40, &seconds) < 0 || strlen(fraction) != 9 ||
	    strspn(fraction, "0123456789") != 9 || n == 0 || n > RANDOM_MAX || strlen(hex) != 2 * n ||
	    strspn(hex, "0123456789abcdef") != 2 * n)
		return bad_line(e);
	nano = strtol(fraction, NULL, 10);
	*now = (struct timeval){ seconds, nano / 1000 };
	for (i = 0; i < n; i++)
		(void)sscanf(hex + 2 * i, "%2hhx", &random->bytes[i]);
	random->n = (int)n;
	random->bits = (int)n * 8;
	return 0;
}

/* random(4): all bits are credited, and the generator starts anew: no clone goes on with the numbers of another. */
static int reseed(struct random *random, struct err *e)
{
	AUTO_CLOSE int fd = open("/dev/random", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, random) < 0 || ioctl(fd, RNDRESEEDCRNG, 0) < 0)
		return err_sys(e, "/dev/random");
	return 0;
}

static int make_parents(int dir, char *name, struct err *e)
{
	char *slash = name;

	while ((slash = strchr(slash, '/')) != NULL) {
		*slash = '\0';
		if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "%s", name);
		*slash++ = '/';
	}
	return 0;
}

/* One file, beside its name until it is whole. */
static int put_file(int dir, const struct ustar_entry *f, struct err *e)
{
	char tmp[sizeof f->name + 8];
	AUTO_CLOSE int fd = -1;

	(void)snprintf(tmp, sizeof tmp, "%s.renew", f->name);
	(void)unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* What a write that is cut short does not say. */
	if (fd >= 0)
		errno = ENOSPC;
	if (fd < 0 || write(fd, f->data, f->n) != (ssize_t)f->n || fchmod(fd, f->mode) < 0 ||
	    renameat(dir, tmp, dir, f->name) < 0) {
		(void)err_sys(e, "%s", f->name);
		(void)unlinkat(dir, tmp, 0);
		return -1;
	}
	return 0;
}

static int put(int dir, struct ustar_entry *f, struct err *e)
{
	if (make_parents(dir, f->name, e) < 0)
		return -1;
	if (!f->dir)
		return put_file(dir, f, e);
	if (f->name[0] == '\0')
		return 0;
	if ((mkdirat(dir, f->name, 0700) < 0 && errno != EEXIST) || fchmodat(dir, f->name, f->mode, 0) < 0)
		return err_sys(e, "%s", f->name);
	return 0;
}

/* Nobody to be told, a file that is not there or names nobody, is no error. */
static void hang_up(const char *path)
{
	char text[32];
	int64_t pid;

	read_file_head(path, text, sizeof text);
	text[strcspn(text, "\n")] = '\0';
	if (num_parse(text, 2, INT32_MAX, &pid) == 0)
		(void)kill((pid_t)pid, SIGHUP);
}

/* By a process of its own, which nobody waits for: not by its number, nor for the end of what it writes. */
static void favour_names(const struct words *names)
{
	static const struct favour_roots roots = { "/proc", "/sys/fs/cgroup" };

	if (fork() != 0)
		return;
	(void)setsid();
	(void)close_range(0, UINT_MAX, 0);
	favour(&roots, names, FAVOUR_MS);
	_exit(0);
}

static void end_process(void *arg, pid_t pid)
{
	(void)arg;
	(void)kill(pid, SIGTERM);
}

struct job {
	const char *dir, *hang_up;
	const struct words *favour, *outdated;
};

/* What is there to be told when the machine has all that is its own; it stood still from BEFORE to NOW. */
static void tell(const struct job *job, time_t before, time_t now)
{
	if (job->outdated->n > 0 && now - before >= LONG_S)
		procs_each("/proc", job->outdated, end_process, NULL);
	if (job->favour->n > 0)
		favour_names(job->favour);
	if (job->hang_up != NULL)
		hang_up(job->hang_up);
}

static int renew(const struct job *job, char *input, size_t n, struct err *e)
{
	char *end = memchr(input, '\n', n);
	AUTO_CLOSE int dir = open(job->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct random random = { 0 };
	struct ustar tar;
	struct ustar_entry file;
	struct timeval now;
	time_t before = time(NULL);
	int more;

	if (dir < 0)
		return err_sys(e, "%s", job->dir);
	if (end == NULL)
		return bad_line(e);
	*end++ = '\0';
	if (parse_line(input, &now, &random, e) < 0)
		return -1;
	if (settimeofday(&now, NULL) < 0)
		return err_sys(e, "the clock");
	if (reseed(&random, e) < 0)
		return -1;
	tar = (struct ustar){ (unsigned char *)end, n - (size_t)(end - input) };
	while ((more = tar.left == 0 ? 0 : ustar_next(&tar, &file, e)) > 0)
		if (put(dir, &file, e) < 0)
			return -1;
	if (more == 0)
		tell(job, before, now.tv_sec);
	return more;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &renew_tool, .argc = argc, .argv = argv };
	AUTO_WORDS struct words favour = { 0 }, outdated = { 0 };
	struct job job = { .dir = "/", .favour = &favour, .outdated = &outdated };
	AUTO_FREE char *input = NULL;
	struct err e = { 0 };
	size_t n;
	int id, rc = 0;

	while ((id = cli_next(&c)) >= 0) {
		switch (id) {
		case 'C': job.dir = c.arg; break;
		case 'f': rc |= words_add(&favour, c.arg); break;
		case 'H': job.hang_up = c.arg; break;
		case 'o': rc |= words_add(&outdated, c.arg); break;
		}
	}
	if (id == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	if (c.argc > 0)
		return cli_end(&c, cli_usage(&c, "unexpected operand '%s'", c.argv[0]));
	rc = rc < 0 ? err_no_memory(&e) : read_file("/dev/stdin", READ_FILE_MAX, &input, &n, &e);
	if (rc < 0 || renew(&job, input, n, &e) < 0)
		return cli_end(&c, cli_fail(&c, EX_FAIL, &e));
	return cli_end(&c, EX_DONE);
}
