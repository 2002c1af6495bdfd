/* vmpause: lets virtual machines stand still, and go on. */
#include <stdlib.h>
#include <string.h>

#include "vm/agent.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "vm/qmp.h"
#include "vm/run.h"

static const struct opt options[] = {
	{ 'r', "resume", NULL, "let them go on, their clocks set" },
	{ 't', "timeout", "SECONDS", "time that it may take (default: 60)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool vmpause_tool = {
	.name = "vmpause",
	.synopsis = "[options] RUN-DIR...",
	.about = "Let QEMU virtual machines stand still, or go on.",
	.opts = options,
};

/* Returns CLI_END, or CLI_EXIT with the code in C. */
static int parse(struct cli *c, bool *resume, int64_t *seconds)
{
	int id;

	while ((id = cli_next(c)) != CLI_END) {
		switch (id) {
		case 'r':
			*resume = true;
			break;
		case 't':
			if (num_parse(c->arg, 1, 86400, seconds) == 0)
				break;
			c->exit_code = cli_usage(c, "timeout: '%s' is not a number of seconds", c->arg);
			return CLI_EXIT;
		default:
			return CLI_EXIT;
		}
	}
	if (c->argc > 0)
		return CLI_END;
	c->exit_code = cli_usage(c, "expected runtime directories");
	return CLI_EXIT;
}

static int tell(const char *run, const char *command, int64_t deadline, struct err *e)
{
	AUTO_FREE char *path = vm_run_path(NULL, run, VM_QMP);
	struct qmp q;
	int rc;

	if (path == NULL)
		return err_no_memory(e);
	if (access(path, F_OK) < 0)
		return err_sys(e, "no machine runs there: %s", path);
	if (qmp_connect(&q, path, (const int[2]){ -1, -1 }, deadline, e) < 0)
		return -1;
	rc = qmp_execute(&q, command, NULL, NULL, deadline, e);
	qmp_close(&q);
	return rc;
}

/* Its clock has stood still too. */
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
	bool resume = false;
	int64_t seconds = 60, deadline;
	struct err e = { 0 };
	int i, rc = EX_DONE;

	if (parse(&c, &resume, &seconds) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	deadline = now_ms() + seconds * 1000;
	/* All of them before any clock, which takes a while. */
	for (i = 0; i < c.argc; i++)
		if (tell(c.argv[i], resume ? "cont" : "stop", deadline, &e) < 0)
			rc = cli_fail(
			    &c, ms_left(deadline) == 0 ? EX_LATE : EX_FAIL, (err_prefix(&e, "%s", c.argv[i]), &e));
	for (i = 0; i < c.argc && resume && rc == EX_DONE; i++)
		if (set_clock(c.argv[i], deadline, &e) < 0)
			cli_warn(&c, "%s: its clock is behind: %s", c.argv[i], e.msg);
	return cli_end(&c, rc);
}
