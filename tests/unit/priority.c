/* The weights of control groups, in directories that look like /proc and /sys/fs/cgroup. */
#include "snapshot/priority.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define API "pods.slice/api.slice"
#define OTHER "pods.slice/other.slice"

static const struct priority_roots roots = { "proc", "cgroup" };

/* Writes the file PATH, with its directories. */
static void put(const char *path, const char *text)
{
	char dir[256];
	char *slash = dir;
	FILE *f;

	(void)snprintf(dir, sizeof dir, "%s", path);
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			abort();
		*slash = '/';
	}
	f = fopen(path, "we");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

/* Unlike the kernel, a plain file keeps the end of a longer number that was there before: only the first line counts. */
static long weight(const char *group)
{
	char path[256], text[32] = "";
	FILE *f;

	(void)snprintf(path, sizeof path, "cgroup/%s/cpu.weight", group);
	f = fopen(path, "re");
	if (f == NULL || fgets(text, sizeof text, f) == NULL || fclose(f) != 0)
		abort();
	return strtol(text, NULL, 10);
}

static bool weights(long pods, long api, long box, long other)
{
	return weight("pods.slice") == pods && weight(API) == api && weight(API "/box") == box &&
	       weight(OTHER) == other;
}

/* Runs priority_raise in a child process. */
static pid_t begin(const char *name, int ms)
{
	struct words names = { 0 };
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (words_add(&names, "nobody") < 0 || words_add(&names, name) < 0)
			abort();
		priority_raise(&roots, &names, ms);
		words_free(&names);
		_exit(0);
	}
	return pid;
}

static bool ended(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool wait_weight(long pods)
{
	int i;

	for (i = 0; i < 1000 && weight("pods.slice") != pods; i++)
		(void)nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	return i < 1000;
}

static void test_raise(void)
{
	pid_t pid = begin("a-long-name-of-a-process", 60000);

	ok(wait_weight(9999) && weights(9999, 9999, 9999, 50), "its group and those above it are raised");
	ok(kill(pid, SIGTERM) == 0 && ended(pid), "a signal ends it");
	ok(weights(79, 10, 100, 50), "the old weights are restored");
	pid = begin("a-long-name-of-", 1);
	ok(ended(pid) && weights(79, 10, 100, 50), "also after the timeout");
}

/* As in a machine that was saved while priorities were raised, and resumes. */
static void test_twice(void)
{
	pid_t first = begin("a-long-name-of-a-process", 60000), second;

	ok(wait_weight(9999), "a first process raises it");
	second = begin("a-long-name-of-a-process", 1);
	ok(ended(second) && weights(9999, 9999, 9999, 50), "a second one changes nothing");
	ok(kill(first, SIGTERM) == 0 && ended(first) && weights(79, 10, 100, 50), "the first one restores the weights");
}

static void test_nobody(void)
{
	static const char *const names[] = { "absent", "a-long-name", "old", "odd", "self" };
	size_t i;

	/* Without a group to raise it returns at once. */
	for (i = 0; i < TAP_COUNT(names); i++)
		ok(ended(begin(names[i], 60000)) && weights(79, 10, 100, 50), "%s: nothing is changed", names[i]);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

int main(void)
{
	char dir[] = "/tmp/priority.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return EXIT_FAILURE;
	put("cgroup/pods.slice/cpu.weight", "79\n");
	put("cgroup/" API "/cpu.weight", "10\n");
	put("cgroup/" API "/box/cpu.weight", "100\n");
	put("cgroup/" OTHER "/cpu.weight", "50\n");
	put("proc/7/comm", "a-long-name-of-\n");
	put("proc/7/cgroup", "1:name=systemd:/x\n0::/" API "/box\n");
	put("proc/8/comm", "other\n");
	put("proc/8/cgroup", "0::/" OTHER "\n");
	put("proc/9/comm", "old\n");
	put("proc/9/cgroup", "4:cpu,cpuacct:/pods.slice\n10::/pods.slice\n");
	put("proc/10/comm", "odd\n");
	put("proc/10/cgroup", "0::/no.slice/at/all\n");
	put("proc/self/comm", "self\n");
	put("proc/self/cgroup", "0::/pods.slice\n");
	test_raise();
	test_twice();
	test_nobody();
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return tap_end();
}
