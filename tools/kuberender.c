/* kuberender: prints templates with a provider's settings in place of the words that stand for them. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/readfile.h"
#include "provider/template.h"

static const struct opt opts[] = {
	{ 'D', "define", "NAME=VALUE", "a setting, or the value of a word" },
	{ 'F', "define-file", "FILE", "lines NAME=VALUE, for secrets" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool kuberender = {
	.name = "kuberender",
	.synopsis = "[options] FILE...",
	.about = "Print templates of manifests with a provider's settings.",
	.opts = opts,
};

/* Nothing is printed unless all of it can be. */
static int render(const struct words *values, char *const *paths, int n, FILE *to, struct err *e)
{
	int i;

	for (i = 0; i < n; i++) {
		AUTO_FREE char *text = NULL;
		size_t len;

		if (template_file(values, paths[i], &text, &len, e) < 0)
			return -1;
		(void)fwrite(text, 1, len, to);
	}
	return 0;
}

static int run(const struct cli *c, const struct words *values)
{
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	size_t n = 0;
	FILE *f;
	int rc;

	if (c->argc == 0)
		return cli_usage(c, "a file is needed");
	f = open_memstream(&text, &n);
	rc = f != NULL ? render(values, c->argv, c->argc, f, &e) : err_no_memory(&e);
	if (f != NULL && fclose(f) != 0 && rc == 0)
		rc = err_no_memory(&e);
	if (rc < 0)
		return cli_fail(c, EX_FAIL, &e);
	(void)fwrite(text, 1, n, stdout);
	return EX_DONE;
}

static int define_lines(const struct cli *c, struct words *values, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	char *line, *rest;
	size_t n;

	if (read_file(path, READ_FILE_MAX, &text, &n, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		/* The error would quote the line, which may be a secret. */
		if (template_define(values, line, &e) < 0)
			return cli_usage(c, "%s: a line is not NAME=VALUE", path);
	return EX_DONE;
}

/* Returns EX_DONE or another exit code. */
static int take_option(struct cli *c, int id, void *arg)
{
	struct words *values = arg;
	struct err e = { 0 };

	if (id == 'F')
		return define_lines(c, values, c->arg);
	return template_define(values, c->arg, &e) < 0 ? cli_usage(c, "%s", e.msg) : EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &kuberender, .argc = argc, .argv = argv };
	struct words values = { 0 };
	int code;

	code = cli_options(&c, take_option, &values) == CLI_EXIT ? c.exit_code : run(&c, &values);
	words_free(&values);
	return cli_end(&c, code);
}
