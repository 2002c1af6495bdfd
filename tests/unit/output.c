/* Output files that appear complete or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/output.h"
#include "base/unfinished.h"
#include "tap.h"

/* The first 63 bytes of PATH, or "(none)". */
static const char *contents(const char *path)
{
	static char text[64];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return "(none)";
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

static bool is(const char *path, const char *text)
{
	return strcmp(contents(path), text) == 0;
}

static ino_t inode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool begin(struct out *o, const char *path, const char *text)
{
	struct err e;

	return out_open(o, path, 0644, &e) == 0 && fputs(text, o->f) >= 0;
}

static void whole_or_not(void)
{
	struct out o;
	struct err e;

	ok(begin(&o, "f", "one"), "a file is started");
	ok(is("f", "(none)"), "it does not exist before the commit");
	ok(out_commit(&o, &e) == 0 && is("f", "one"), "it exists after the commit");
	ok(begin(&o, "f", "two") && is("f", "one"), "the old file stays until the commit");
	out_abort(&o);
	ok(is("f", "one"), "and after an abort");
	out_abort(&o);
	ok(o.f == NULL, "a second abort does nothing");
	ok(out_open(&o, "no/such/dir", 0644, &e) < 0 && strstr(e.msg, "no/such/dir") != NULL,
	    "the error names the path");
}

static void if_changed(void)
{
	struct out o;
	struct err e;
	ino_t before = inode("f");

	ok(begin(&o, "f", "one") && out_commit_if_changed(&o, &e) == 0 && inode("f") == before,
	    "a file with the same contents is kept");
	ok(begin(&o, "f", "on") && out_commit_if_changed(&o, &e) == 0 && is("f", "on"), "shorter contents replace it");
	ok(begin(&o, "f", "one") && out_commit_if_changed(&o, &e) == 0 && is("f", "one"), "longer contents replace it");
	ok(begin(&o, "f", "") && out_commit_if_changed(&o, &e) == 0 && is("f", ""), "empty contents replace it");
}

static void specials(void)
{
	struct out o;
	struct err e;
	struct stat st;
	int fd;

	ok(begin(&o, "/dev/full", "text") && out_commit(&o, &e) < 0 && strstr(e.msg, "No space left") != NULL,
	    "a full device is an error");
	ok(stat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode), "and it is still a device");
	ok(mkfifo("pipe", 0600) == 0, "a pipe is created");
	fd = open("pipe", O_RDWR | O_CLOEXEC);
	ok(begin(&o, "pipe", "text") && out_commit_if_changed(&o, &e) == 0, "it is written to");
	ok(stat("pipe", &st) == 0 && S_ISFIFO(st.st_mode), "and it is still a pipe");
	(void)close(fd);
}

static void descriptors(void)
{
	static char data[1 << 20], back[1 << 20];
	size_t have = 0;
	ssize_t n;
	int p[2];
	pid_t pid;

	(void)memset(data, 'x', sizeof data);
	data[sizeof data - 1] = 'y';
	ok(pipe(p) == 0, "a pipe, which takes less than all at once");
	pid = fork();
	if (pid == 0)
		_exit(out_write(p[1], data, sizeof data) != 0);
	(void)close(p[1]);
	while ((n = read(p[0], back + have, sizeof back - have)) > 0)
		have += (size_t)n;
	(void)close(p[0]);
	(void)waitpid(pid, NULL, 0);
	ok(have == sizeof data && memcmp(data, back, have) == 0, "everything arrives");
	ok(out_write(-1, data, 0) == 0, "nothing to write");
	errno = 0;
	ok(out_write(-1, data, 1) == -1 && errno == EBADF, "an error");
}

static void signals(void)
{
	char name[64];
	struct out o;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		unfinished_catch_signals();
		if (begin(&o, "g", "half"))
			(void)raise(SIGTERM);
		_exit(0);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	    "a signal ends the process");
	(void)snprintf(name, sizeof name, "g.tmp.%ld", (long)pid);
	ok(access("g", F_OK) < 0 && access(name, F_OK) < 0, "neither file is left");
}

int main(void)
{
	char dir[] = "/tmp/kubestamp-out.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return EXIT_FAILURE;
	whole_or_not();
	if_changed();
	specials();
	descriptors();
	signals();
	(void)unlink("f");
	(void)unlink("pipe");
	(void)rmdir(dir);
	return tap_end();
}
