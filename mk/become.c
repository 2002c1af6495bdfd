/*
 * become: an extension of GNU make (its "load" directive). $(become COMMAND) replaces the make process by the shell
 * command. make itself can only exit with 0, 1 or 2; `make ssh CMD=...` exits with the command's own code and leaves
 * the terminal to it.
 */
#include <gnumake.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int plugin_is_GPL_compatible;

int become_gmk_setup(const gmk_floc *where);

/*
 * The function's one argument is a command line for /bin/sh. That finds KS_SETTINGS in its environment, as a recipe's
 * shell would (mk/settings.mk). Does not return: if the shell cannot be started, make exits with 1.
 */
static char *become(const char *name, unsigned argc, char **argv)
{
	char *settings = gmk_expand("$(KS_SETTINGS)");
	sigset_t none;

	(void)name;
	(void)argc;
	(void)fflush(NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setenv("KS_SETTINGS", settings, 1);
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
