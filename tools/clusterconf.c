/* clusterconf: resolves the settings of a cluster, checks them, and writes or shows its conf. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/output.h"
#include "base/unfinished.h"
#include "base/words.h"
#include "provider/ports.h"
#include "provider/settings.h"

static const struct opt opts[] = {
	{ 'c', "check", NULL, "check, and print nothing" },
	{ 'f', "file", "FILE", "a conf whose values are already resolved" },
	{ 'i', "image", "FILE", "the image's provider.conf" },
	{ 'I', "include", "DIR", "also look in DIR for inherited providers" },
	{ 'o', "output", "FILE", "write to FILE, atomically" },
	{ 'p', "provider", "DIR", "the provider in the checkout" },
	{ 's', "show", "FILE", "only print this conf (-: standard input) in columns" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	const char *file, *image, *provider, *output, *show;
	struct words include;
	bool check;
};

static const struct opt_member members[] = {
	OPT_MEMBER('c', struct request, check),
	OPT_MEMBER('f', struct request, file),
	OPT_MEMBER('i', struct request, image),
	OPT_MEMBER('o', struct request, output),
	OPT_MEMBER('p', struct request, provider),
	OPT_MEMBER('s', struct request, show),
	OPT_MEMBER('I', struct request, include),
	{ 0, 0, OPT_TEXT },
};

static const struct tool clusterconf_tool = {
	.name = "clusterconf",
	.synopsis = "[options] [NAME=VALUE...]",
	.about = "Resolve a cluster's settings from make's variables, the provider and defaults.",
	.opts = opts,
	.members = members,
};

static int show(const struct cli *c, const char *path)
{
	AUTO_CONF struct conf conf = { 0 };
	struct err e = { 0 };

	if (conf_load(&conf, strcmp(path, "-") == 0 ? "/dev/stdin" : path, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	settings_columns(stdout, &conf);
	return EX_DONE;
}

/* Reads the provider's values from the image, the checkout, or both. */
static int take_provider(struct conf *source, const struct request *r, struct err *e)
{
	AUTO_PROVIDER struct provider p = { 0 };
	AUTO_CONF struct conf image = { 0 };

	if (r->provider != NULL && provider_load(&p, r->provider, &r->include, e) < 0)
		return -1;
	if (r->image != NULL && conf_load(&image, r->image, e) < 0)
		return -1;
	return settings_from_provider(source, r->image != NULL ? &image : NULL, r->provider != NULL ? &p : NULL, e);
}

/* Ports that are valid each, but not together. */
static int check_ports(const struct conf *settings, struct err *e)
{
	AUTO_PORTS struct ports plan = { 0 };

	return ports_plan(&plan, settings, e) < 0 ? -1 : ports_check(&plan, e);
}

static int resolve(struct conf *out, const struct cli *c, const struct request *r, struct err *e)
{
	AUTO_CONF struct conf words = { 0 }, file = { 0 }, environment = { 0 }, provider = { 0 };
	/* The first one that has a value for a setting wins. */
	const struct conf *const sources[] = { &words, &file, &environment, &provider };

	if (settings_from_words(&words, c->argv, (size_t)c->argc, e) < 0 ||
	    (r->file != NULL && conf_load(&file, r->file, e) < 0) || settings_from_environment(&environment, e) < 0 ||
	    take_provider(&provider, r, e) < 0)
		return -1;
	if (settings_resolve(out, sources, sizeof sources / sizeof *sources, e) < 0)
		return -1;
	return check_ports(out, e);
}

static int write_conf(const struct conf *conf, const char *path, struct err *e)
{
	struct out o;

	if (path == NULL) {
		conf_write(stdout, conf);
		return 0;
	}
	unfinished_catch_signals();
	if (out_open(&o, path, 0666, e) < 0)
		return -1;
	conf_write(o.f, conf);
	return out_commit(&o, e);
}

static int run(const struct cli *c, const struct request *r)
{
	AUTO_CONF struct conf conf = { 0 };
	struct err e = { 0 };

	if (r->show != NULL) {
		if (c->argc > 0 || r->check || r->output != NULL)
			return cli_usage(c, "--show takes no other option and no operand");
		return show(c, r->show);
	}
	if (r->check && r->output != NULL)
		return cli_usage(c, "only one of --check and --output can be given");
	if (resolve(&conf, c, r, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	if (!r->check && write_conf(&conf, r->output, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	return EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &clusterconf_tool, .argc = argc, .argv = argv };
	struct request r = { 0 };
	int code;

	code = cli_options(&c, NULL, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.include);
	return cli_end(&c, code);
}
