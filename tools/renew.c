/* renew: the first program to run in a machine that resumes: gives it the time, new random numbers and new keys. */
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
#include "base/num.h"
#include "base/procs.h"
#include "base/readfile.h"
#include "oci/ustar.h"
#include "snapshot/priority.h"

static const struct opt opts[] = {
	{ 'C', "directory", "DIR", "write the files here (default: /)" },
	{ 'H', "hang-up", "PIDFILE", "finally, send SIGHUP to the process in PIDFILE" },
	{ 'p', "prioritize", "NAME", "finally, give processes NAME the CPU first for 2 s" },
	{ 'r', "restart", "NAME", "finally, end processes NAME after a long pause" },
	{ 0, NULL, NULL, NULL },
};

struct job {
	const char *dir, *hang_up;
	struct words prioritize, restart;
};

static const struct opt_member members[] = {
	OPT_MEMBER('C', struct job, dir),
	OPT_MEMBER('H', struct job, hang_up),
	OPT_MEMBER('p', struct job, prioritize),
	OPT_MEMBER('r', struct job, restart),
	{ 0, 0, OPT_TEXT },
};

static const struct tool renew_tool = {
	.name = "renew",
	.synopsis = "[options] < INPUT",
	.about = "Give a resumed machine the time, new random numbers and its own files.",
	.opts = opts,
	.members = members,
};

/* LONG_S: a token of Kubernetes' controllers lasts an hour and is renewed after 48 minutes: 12 minutes are always left. */
enum { RANDOM_MAX = 512, PRIORITY_MS = 2000, LONG_S = 600 };

/* struct rand_pool_info of linux/random.h, with room for the bytes. */
struct random {
	int bits, n;
	unsigned char bytes[RANDOM_MAX];
};

static int bad_line(struct err *e)
{
	return err_set(e, "standard input: the first line is not a time and random bytes");
}

/* Parses "SECONDS.NANOSECONDS HEX"; LINE is modified. Returns 0 or -1. */
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

/* Credits all bits and reseeds the generator, random(4), so that no two clones get the same random numbers. */
static int reseed(struct random *random, struct err *e)
{
	AUTO_CLOSE int fd = open("/dev/random", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, random) < 0 || ioctl(fd, RNDRESEEDCRNG, 0) < 0)
		return err_sys(e, "/dev/random");
	return 0;
}

static int mkdirs_above(int dir, char *name, struct err *e)
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

/* Writes one file, under a temporary name until it is complete. */
static int put_file(int dir, const struct ustar_entry *f, struct err *e)
{
	char tmp[sizeof f->name + 8];
	AUTO_CLOSE int fd = -1;

	(void)snprintf(tmp, sizeof tmp, "%s.renew", f->name);
	(void)unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* A short write does not set errno. */
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
	if (mkdirs_above(dir, f->name, e) < 0)
		return -1;
	if (!f->dir)
		return put_file(dir, f, e);
	if (f->name[0] == '\0')
		return 0;
	if ((mkdirat(dir, f->name, 0700) < 0 && errno != EEXIST) || fchmodat(dir, f->name, f->mode, 0) < 0)
		return err_sys(e, "%s", f->name);
	return 0;
}

/* It is not an error if the file or the process does not exist. */
static void hang_up(const char *path)
{
	char text[32];
	int64_t pid;

	read_file_head(path, text, sizeof text);
	text[strcspn(text, "\n")] = '\0';
	if (num_parse(text, 2, INT32_MAX, &pid) == 0)
		(void)kill((pid_t)pid, SIGHUP);
}

/* In a child process that nobody waits for; it keeps no file open, so that readers of our output see its end. */
static void prioritize(const struct words *names)
{
	static const struct priority_roots roots = { "/proc", "/sys/fs/cgroup" };

	if (fork() != 0)
		return;
	(void)setsid();
	(void)close_range(0, UINT_MAX, 0);
	priority_raise(&roots, names, PRIORITY_MS);
	_exit(0);
}

static void end_process(void *arg, pid_t pid)
{
	(void)arg;
	(void)kill(pid, SIGTERM);
}

/* The machine has what is its own: now its processes may notice. It was paused from BEFORE to NOW. */
static void notify(const struct job *job, time_t before, time_t now)
{
	if (job->restart.n > 0 && now - before >= LONG_S)
		procs_each("/proc", &job->restart, end_process, NULL);
	if (job->prioritize.n > 0)
		prioritize(&job->prioritize);
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
		notify(job, before, now.tv_sec);
	return more;
}

/* Reads the input and renews the machine. Returns an exit code. */
static int run(struct cli *c, const struct job *job)
{
	AUTO_FREE char *input = NULL;
	struct err e = { 0 };
	size_t n;

	if (c->argc > 0)
		return cli_usage(c, "unexpected operand '%s'", c->argv[0]);
	if (read_file("/dev/stdin", READ_FILE_MAX, &input, &n, &e) < 0 || renew(job, input, n, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	return EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &renew_tool, .argc = argc, .argv = argv };
	struct job job = { .dir = "/" };
	int code = cli_options(&c, NULL, &job) == CLI_EXIT ? c.exit_code : run(&c, &job);

	words_free(&job.prioritize);
	words_free(&job.restart);
	return cli_end(&c, code);
}
