/* vmpause: pauses and unpauses VMs that vmstart has started. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "vm/agent.h"
#include "vm/qmp.h"
#include "vm/run.h"

static const struct opt options[] = {
	{ 'u', "unpause", NULL, "unpause them, and set the guests' clocks" },
	{ 't', "timeout", "SECONDS", "time for all of it (default: 60)" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	bool unpause;
	int64_t seconds;
};

static const struct opt_member members[] = {
	OPT_MEMBER('u', struct request, unpause),
	{ 0, 0, OPT_TEXT },
};

static const struct tool vmpause_tool = {
	.name = "vmpause",
	.synopsis = "[options] RUN-DIR...",
	.about = "Pause or unpause QEMU virtual machines.",
	.opts = options,
	.members = members,
};

/* Takes --timeout. Returns an exit code. */
static int take_timeout(struct cli *c, int id, void *arg)
{
	struct request *r = arg;

	(void)id;
	if (num_parse(c->arg, 1, 86400, &r->seconds) == 0)
		return EX_DONE;
	return cli_usage(c, "timeout: '%s' is not a number of seconds", c->arg);
}

/* Returns CLI_END, or CLI_EXIT with the exit code in C. */
static int parse(struct cli *c, struct request *r)
{
	if (cli_options(c, take_timeout, r) == CLI_EXIT)
		return CLI_EXIT;
	if (c->argc > 0)
		return CLI_END;
	c->exit_code = cli_usage(c, "expected one or more runtime directories");
	return CLI_EXIT;
}

/* Sends a QMP command to the VM of the runtime directory RUN. Returns 0 or -1. */
static int send_command(const char *run, const char *command, int64_t deadline, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, run, VM_QMP);
	struct qmp q;
	int rc;

	if (path == NULL)
		return err_no_memory(e);
	if (access(path, F_OK) < 0)
		return err_sys(e, "no VM is running there: %s", path);
	if (qmp_connect(&q, path, (const int[2]){ -1, -1 }, deadline, e) < 0)
		return -1;
	rc = qmp_execute(&q, command, NULL, NULL, deadline, e);
	qmp_close(&q);
	return rc;
}

/* Sets the guest's clock, which has not advanced while the VM was paused. Returns 0 or -1. */
static int set_clock(const char *run, int64_t deadline, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, run, VM_AGENT);
	struct qmp agent;
	int rc;

	if (path == NULL)
		return err_no_memory(e);
	if (agent_open(&agent, path, (const int[2]){ -1, -1 }, deadline, e) < 0)
		return -1;
	rc = agent_set_clock(&agent, deadline, e);
	qmp_close(&agent);
	return rc;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &vmpause_tool, .argc = argc, .argv = argv };
	struct request r = { .seconds = 60 };
	int64_t deadline;
	struct err e = { 0 };
	int i, rc = EX_DONE;

	if (parse(&c, &r) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	deadline = now_ms() + r.seconds * 1000;
	/* All VMs are unpaused before the first clock is set, since an agent may take a while to answer. */
	for (i = 0; i < c.argc; i++)
		if (send_command(c.argv[i], r.unpause ? "cont" : "stop", deadline, &e) < 0)
			rc = cli_fail(
			    &c, ms_left(deadline) == 0 ? EX_LATE : EX_FAIL, (err_prefix(&e, "%s", c.argv[i]), &e));
	for (i = 0; i < c.argc && r.unpause && rc == EX_DONE; i++)
		if (set_clock(c.argv[i], deadline, &e) < 0)
			cli_warn(&c, "%s: the guest's clock was not set: %s", c.argv[i], e.msg);
	return cli_end(&c, rc);
}
