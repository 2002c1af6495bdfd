/*
 * become: an extension of GNU make (its "load" directive): $(become COMMAND ARG...) replaces the make process by
 * the shell command. make itself can only exit with 0, 1 or 2; `make ssh CMD=...` has to exit with the command's
 * own code, and to leave the terminal to it.
 */
#include <gnumake.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int plugin_is_GPL_compatible;

int become_gmk_setup(const gmk_floc *where);

/* The function's one argument is a command line for /bin/sh. It returns only when that could not be started. */
static char *become(const char *name, unsigned argc, char **argv)
{
	sigset_t none;

	(void)name;
	(void)argc;
	(void)fflush(NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)unsetenv("MAKEFLAGS");
	(void)unsetenv("MAKELEVEL");
	(void)execl("/bin/sh", "sh", "-c", argv[0], (char *)NULL);
	perror("become: /bin/sh");
	_exit(1);
}

/* Called by make after loading; returns 1 for success (GNU make manual, "Loaded Object Interface"). */
int become_gmk_setup(const gmk_floc *where)
{
	(void)where;
	gmk_add_function("become", become, 1, 1, GMK_FUNC_DEFAULT);
	return 1;
}
