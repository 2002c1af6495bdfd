/* Finding processes by name, in a directory that looks like /proc. */
#include "base/procs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static void process(const char *pid, const char *comm)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/comm", pid);
	if (mkdir(pid, 0700) < 0)
		abort();
	f = comm == NULL ? NULL : fopen(path, "we");
	if (comm != NULL && (f == NULL || fputs(comm, f) < 0 || fclose(f) != 0))
		abort();
}

static void add(void *sum, pid_t pid)
{
	*(long *)sum += pid;
}

static long sum_of(const char *names)
{
	AUTO_WORDS struct words w = { 0 };
	long sum = 0;

	if (words_split(&w, names) < 0)
		abort();
	procs_each(".", &w, add, &sum);
	return sum;
}

int main(void)
{
	static const char *const pids[] = { "1", "20", "300", "4000", "50000", "self", "600000", "0", "-7" };
	static const char *const names[] = { "init\n", "etcd\n", "etcd\n", "kube-controller\n", "a b\n", "etcd\n", NULL, "etcd\n",
		"etcd\n" };
	char dir[] = "/tmp/procs.XXXXXX", text[4], path[64];
	AUTO_WORDS struct words w = { 0 };
	long sum = 0;
	size_t i;

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return EXIT_FAILURE;
	for (i = 0; i < TAP_COUNT(pids); i++)
		process(pids[i], names[i]);
	ok(sum_of("etcd") == 320, "all processes of a name, and nothing else");
	ok(sum_of("init etcd") == 321, "two names");
	ok(sum_of("kube-controller-manager") == 4000, "a name longer than the kernel keeps");
	ok(sum_of("kube-controller-mana") == 4000 && sum_of("kube") == 0 && sum_of("etc") == 0, "exactly the first 15 bytes count");
	ok(sum_of("") == 0 && sum_of("nobody") == 0, "no names or an unknown one: no process");
	ok(words_add(&w, "") == 0 && words_add(&w, "etcd") == 0, "an empty name and another");
	procs_each(".", &w, add, &sum);
	ok(sum == 320, "the empty name does not match a process that has ended meanwhile");
	procs_each("absent", &w, add, &sum);
	ok(sum == 320, "a directory that does not exist");
	procs_read(".", 4000, "comm", text, sizeof text);
	same(text, "kub", "the text is cut to fit");
	procs_read(".", 4000, "absent", text, sizeof text);
	same(text, "", "a file that does not exist");
	for (i = 0; i < TAP_COUNT(pids); i++) {
		(void)snprintf(path, sizeof path, "%s/comm", pids[i]);
		(void)unlink(path);
		(void)rmdir(pids[i]);
	}
	(void)rmdir(dir);
	return tap_end();
}
