/* Child processes: their output, their end, deadlines and cancellation. */
#include "base/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "tap.h"

enum { LONG_MS = 60000 };

static struct child_text text;
static struct err e;

static int run(const char *script, int cancel_fd, int64_t ms, int *status)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, strdup(script), NULL };
	int rc = child_run(argv, cancel_fd, now_ms() + ms, &text, status, &e);

	free(argv[2]);
	return rc;
}

static void release(void)
{
	free(text.out);
	free(text.err);
}

static void test_output(void)
{
	int status = -1;

	ok(run("echo one; echo two >&2; exit 3", -1, LONG_MS, &status) == 0 && WIFEXITED(status) &&
		WEXITSTATUS(status) == 3,
	    "a program that exits with 3");
	same(text.out, "one\n", "its standard output");
	same(text.err, "two\n", "its standard error");
	release();
	ok(run("head -c 1048576 /dev/zero | tr '\\0' x; exit 0", -1, LONG_MS, &status) == 0 &&
		strlen(text.out) == 1048576,
	    "1 MiB of output");
	release();
	ok(run("head -c 3000000 /dev/zero | tr '\\0' x; exit 0", -1, LONG_MS, &status) == 0 &&
		strlen(text.out) <= 1048576,
	    "more output is cut");
	release();
	ok(run("kill -9 $$", -1, LONG_MS, &status) == 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "a program that a signal ends");
	same(text.out, "", "it printed nothing");
	release();
}

/* A descendant that still writes must not disturb reading: it shares the offset of the file. */
static void test_descendant(void)
{
	int status = -1;

	ok(run("echo first; (sleep 0.3; echo late) & exit 0", -1, LONG_MS, &status) == 0,
	    "a program that leaves a child");
	same(text.out, "first\n", "the output until it ended");
	release();
}

static void test_start(void)
{
	char *argv[] = { (char[]){ "/no/such/program" }, NULL };
	int status = -1;

	ok(child_run(argv, -1, now_ms() + LONG_MS, &text, &status, &e) == -1 && text.out == NULL && text.err == NULL,
	    "a program that does not exist");
	same(e.msg, "/no/such/program: No such file or directory", "the error");
}

static void test_deadline(void)
{
	int status = -1, ends[2];

	ok(run("sleep 60", -1, 50, &status) == -1, "the deadline ends it");
	same(e.msg, "sh: timed out", "the error");
	if (pipe(ends) < 0 || write(ends[1], "x", 1) != 1)
		abort();
	ok(run("sleep 60", ends[0], LONG_MS, &status) == -1, "a readable descriptor cancels it");
	same(e.msg, "sh: interrupted", "the error");
}

static void test_kill(void)
{
	char *argv[] = { (char[]){ "sleep" }, (char[]){ "60" }, NULL };
	struct child c;
	pid_t pid;
	int status;

	ok(child_start(&c, argv, &(struct child_io){ -1, -1, -1 }, 0, &e) == 0 && c.pid > 0 && c.pidfd >= 0, "a child");
	pid = c.pid;
	ok(getsid(pid) == pid, "it leads a session");
	ok(child_wait(&c, now_ms() + 10, &status, &e) == 0, "it runs at the deadline");
	child_kill(&c);
	ok(c.pid == -1 && c.pidfd == -1 && kill(pid, 0) < 0 && errno == ESRCH, "it is killed and reaped");
}

int main(void)
{
	test_output();
	test_descendant();
	test_start();
	test_deadline();
	test_kill();
	return tap_end();
}
