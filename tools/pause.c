/* pause: the process that holds the namespaces of a pod and reaps its orphans. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cli.h"

static const struct tool pause_tool = {
	.name = "pause",
	.synopsis = "[options]",
	.about = "Hold a pod's namespaces: reap orphans, end on SIGINT or SIGTERM.",
};

/* Reaps children until SIGINT or SIGTERM arrives. Returns 0, or -1. */
static int hold(struct err *e)
{
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "sigprocmask");
	for (;;) {
		sig = sigwaitinfo(&set, NULL);
		if (sig == SIGINT || sig == SIGTERM)
			return 0;
		if (sig < 0 && errno != EINTR)
			return err_sys(e, "sigwaitinfo");
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &pause_tool, .argc = argc, .argv = argv };
	struct err e = { 0 };

	if (cli_next(&c) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	if (c.argc > 0)
		return cli_end(&c, cli_usage(&c, "unexpected operand '%s'", c.argv[0]));
	if (hold(&e) < 0)
		return cli_end(&c, cli_fail(&c, EX_FAIL, &e));
	return cli_end(&c, EX_DONE);
}
