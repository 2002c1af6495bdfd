/* findengine: which container engine works on this machine, and with which options. */
#include <stdio.h>

#include "base/cli.h"
#include "base/output.h"
#include "base/unfinished.h"
#include "host/engine.h"

static const struct opt opts[] = {
	{ 'e', "engine", "NAME", "try only this one, podman or docker" },
	{ 'o', "output", "FILE", "write to FILE" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool findengine_tool = {
	.name = "findengine",
	.synopsis = "[options] DIR",
	.about = "Find a container engine that runs DIR/root (also an archive: DIR/root.tar).",
	.opts = opts,
};

struct request {
	const char *output;
	struct words names;
};

static void put_list(FILE *f, const char *name, const struct words *w)
{
	size_t i;

	(void)fprintf(f, "%s=(", name);
	for (i = 0; i < w->n; i++)
		(void)fprintf(f, "%s%s", i > 0 ? " " : "", w->v[i]);
	(void)fputs(")\n", f);
}

/* The words of all options are such that a shell needs no quotes. */
static void put(FILE *f, const char *name, const struct engine *engine)
{
	(void)fprintf(f, "ENGINE=%s\n", name);
	put_list(f, "engine", &engine->command);
	put_list(f, "engine_run", &engine->run);
}

static int write_conf(const char *path, const char *name, const struct engine *engine, struct err *e)
{
	struct out o;

	if (path == NULL) {
		put(stdout, name, engine);
		return 0;
	}
	if (out_open(&o, path, 0666, e) < 0)
		return -1;
	put(o.f, name, engine);
	return out_commit(&o, e);
}

/* Returns 1 if one works and was written, 0 with the reason for each in WHY, or -1. */
static int find(const struct request *r, const char *tree, struct err *why, struct err *e)
{
	struct engine engine = { 0 };
	struct err before;
	int rc = 0;
	size_t i;

	(void)err_set(why, "no container engine works here");
	for (i = 0; rc == 0 && i < r->names.n; i++) {
		rc = engine_try(&engine, r->names.v[i], tree, e);
		before = *why;
		if (rc == 0)
			(void)err_set(why, "%s; %s: %s", before.msg, r->names.v[i], e->msg);
		else if (rc > 0 && write_conf(r->output, r->names.v[i], &engine, e) < 0)
			rc = -1;
	}
	engine_free(&engine);
	return rc;
}

static int run(const struct cli *c, struct request *r)
{
	struct err e = { 0 }, why = { 0 };
	int rc;

	if (c->argc != 1)
		return cli_usage(c, "one directory is needed");
	if (r->names.n == 0 && words_split(&r->names, "podman docker") < 0)
		return cli_no_memory(c);
	unfinished_catch_signals();
	rc = find(r, c->argv[0], &why, &e);
	return rc > 0 ? EX_DONE : cli_fail(c, EX_FAIL, rc < 0 ? &e : &why);
}

/* Returns EX_DONE or another exit code. */
static int take_option(struct cli *c, int id, void *arg)
{
	struct request *r = arg;

	if (id == 'e' && words_add(&r->names, c->arg) < 0)
		return cli_no_memory(c);
	if (id == 'o')
		r->output = c->arg;
	return EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &findengine_tool, .argc = argc, .argv = argv };
	struct request r = { 0 };
	int code;

	code = cli_options(&c, take_option, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.names);
	return cli_end(&c, code);
}
