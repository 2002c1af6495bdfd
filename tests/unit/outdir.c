/* Output directories that appear complete or not at all. */
#include "base/outdir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/output.h"
#include "base/unfinished.h"
#include "tap.h"

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool make(const char *dir, const char *name)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "we");
	return f != NULL && fclose(f) == 0;
}

static void whole_or_not(void)
{
	struct outdir o;
	struct err e;
	char tmp[64];

	(void)snprintf(tmp, sizeof tmp, "d.tmp.%ld", (long)getpid());
	ok(outdir_open(&o, "d//", 0700, &e) == 0 && there(tmp) && !there("d"), "it is created under a temporary name");
	ok(make(o.tmp, "a") && outdir_commit(&o, &e) == 0 && there("d/a") && !there(tmp), "it exists after the commit");
	ok(outdir_open(&o, "d", 0700, &e) < 0 && strcmp(e.msg, "d: already exists") == 0, "an existing one is refused");
	ok(outdir_open(&o, "c", 0700, &e) == 0 && make(o.tmp, "a") && make(o.tmp, "b"), "a second one is filled");
	outdir_abort(&o);
	ok(!there("c") && o.tmp == NULL, "it does not exist after an abort");
	ok(outdir_open(&o, "c", 0700, &e) == 0 && make(o.tmp, "a") && mkdir("c", 0700) == 0 && make("c", "b"),
	    "another process creates the same directory first");
	ok(outdir_commit(&o, &e) < 0 && there("c/b") && !there("c/a"), "the commit fails and leaves it alone");
	ok(outdir_open(&o, "no/such/c", 0700, &e) < 0 && strstr(e.msg, "no/such/c") != NULL,
	    "the error names the path");
}

/* More files than one call of getdents64(2) returns. */
static void many(void)
{
	struct outdir o;
	struct err e;
	char name[64];
	int i;

	if (outdir_open(&o, "m", 0700, &e) < 0)
		abort();
	for (i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof name, "a name that is rather long %d", i);
		if (!make(o.tmp, name))
			abort();
	}
	(void)snprintf(name, sizeof name, "%s", o.tmp);
	outdir_abort(&o);
	ok(!there(name), "500 files are removed");
}

static void stale(void)
{
	struct outdir o;
	struct err e;
	int fd;

	if (mkdir("s.tmp.1", 0700) < 0 || mkdir("s.tmp.2", 0700) < 0 || mkdir("s.tmp.", 0700) < 0 ||
	    !make("s.tmp.1", "f"))
		abort();
	fd = open("s.tmp.2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(flock(fd, LOCK_EX) == 0 && symlink("d", "s.tmp.3") == 0, "one is locked");
	ok(outdir_open(&o, "s", 0700, &e) == 0 && !there("s.tmp.1"), "a stale one is removed");
	ok(there("s.tmp.2") && there("s.tmp.") && there("d/a"), "locked and other directories are not");
	outdir_abort(&o);
	(void)close(fd);
	(void)rmdir("s.tmp.2");
	(void)rmdir("s.tmp.");
	(void)unlink("s.tmp.3");
}

static void signals(void)
{
	struct outdir o;
	struct out f;
	struct err e;
	char tmp[64], path[96];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		unfinished_catch_signals();
		if (outdir_open(&o, "g", 0700, &e) < 0 || !make(o.tmp, "whole"))
			_exit(1);
		(void)snprintf(path, sizeof path, "%s/half", o.tmp);
		if (out_open(&f, path, 0600, &e) == 0)
			(void)raise(SIGTERM);
		_exit(0);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	    "a signal ends the process");
	(void)snprintf(tmp, sizeof tmp, "g.tmp.%ld", (long)pid);
	ok(!there("g") && !there(tmp), "no directory is left");
}

int main(void)
{
	char dir[] = "/tmp/kubestamp-outdir.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return EXIT_FAILURE;
	whole_or_not();
	many();
	stale();
	signals();
	(void)unfinished_remove_dir("d");
	(void)unfinished_remove_dir("c");
	(void)rmdir(dir);
	return tap_end();
}
