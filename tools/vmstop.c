/* vmstop: shuts down a VM that vmstart has started, or ends it at the deadline. */
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "vm/description.h"
#include "vm/run.h"

enum { OPT_NOW = OPT_LONG, OPT_QMP, OPT_PIDFILE };

static const struct opt options[] = {
	{ 't', "timeout", "SECONDS", "time for the guest to shut down (default: 60)" },
	{ OPT_NOW, "now", NULL, "end the VM without a shutdown" },
	{ OPT_QMP, "qmp", "PATH", "QMP socket (default: RUN-DIR/" VM_QMP ")" },
	{ OPT_PIDFILE, "pidfile", "FILE", "pid file (default: RUN-DIR/" VM_PIDFILE ")" },
	{ 0, NULL, NULL, NULL },
};

struct stop {
	const char *run, *qmp, *pidfile;
	int64_t seconds;
};

static const struct opt_member members[] = {
	OPT_MEMBER(OPT_QMP, struct stop, qmp),
	OPT_MEMBER(OPT_PIDFILE, struct stop, pidfile),
	{ 0, 0, OPT_TEXT },
};

static const struct tool vmstop_tool = {
	.name = "vmstop",
	.synopsis = "[options] RUN-DIR",
	.about = "Shut a VM down gracefully, or end it at the deadline.",
	.opts = options,
	.members = members,
};

/* Takes --timeout or --now, of which the last one counts. Returns an exit code. */
static int take_timeout(struct cli *c, int id, void *arg)
{
	struct stop *s = arg;

	if (id == OPT_NOW) {
		s->seconds = 0;
		return EX_DONE;
	}
	if (num_parse(c->arg, 1, 86400, &s->seconds) == 0)
		return EX_DONE;
	return cli_usage(c, "timeout: '%s' is not a number of seconds", c->arg);
}

/* Returns CLI_END, or CLI_EXIT with the exit code in C. */
static int parse(struct cli *c, struct stop *s)
{
	if (cli_options(c, take_timeout, s) == CLI_EXIT)
		return CLI_EXIT;
	if (c->argc == 1) {
		s->run = c->argv[0];
		return CLI_END;
	}
	c->exit_code = cli_usage(c, "expected one operand, the runtime directory");
	return CLI_EXIT;
}

/* Ends the VM and removes its files. RAN: it was running. Returns 0 or -1. */
static int stop(const struct stop *s, enum vm_end *how, bool *ran, struct err *e)
{
	AUTO_FREE char *qmp = vm_run_path(s->qmp, s->run, VM_QMP);
	AUTO_FREE char *agent = vm_run_path(NULL, s->run, VM_AGENT);
	AUTO_FREE char *console = vm_run_path(NULL, s->run, VM_CONSOLE_SOCKET);
	AUTO_FREE char *pidfile = vm_run_path(s->pidfile, s->run, VM_PIDFILE);
	AUTO_FREE char *desc = vm_run_path(NULL, s->run, VM_DESC);
	AUTO_CLOSE int pidfd = -1;
	int rc;

	if (qmp == NULL || agent == NULL || console == NULL || pidfile == NULL || desc == NULL)
		return err_no_memory(e);
	rc = vm_find(pidfile, &pidfd, e);
	*ran = rc > 0;
	if (*ran)
		rc = vm_end(pidfd, qmp, s->seconds * 1000, how, e);
	if (rc == 0)
		vm_clean(&(struct vm_files){ { qmp, agent, console }, pidfile, desc });
	return rc;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &vmstop_tool, .argc = argc, .argv = argv };
	struct stop s = { .seconds = 60 };
	struct err e = { 0 };
	enum vm_end how = VM_ENDED;
	bool ran = false;

	if (parse(&c, &s) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	if (stop(&s, &how, &ran, &e) < 0)
		return cli_end(&c, cli_fail(&c, EX_FAIL, (err_prefix(&e, "%s", s.run), &e)));
	if (!ran)
		cli_note(&c, "%s: no VM is running there", s.run);
	if (how != VM_LATE)
		return cli_end(&c, EX_DONE);
	cli_warn(&c, "%s: the guest did not shut down within %lld s and was ended", s.run, (long long)s.seconds);
	return cli_end(&c, EX_LATE);
}
