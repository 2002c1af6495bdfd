/* imagename: find a local image: its source for skopeo, and its name in a registry or a container runtime. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "oci/source.h"

enum { OPT_ENGINE = OPT_LONG, OPT_TO };

static const struct opt options[] = {
	{ 'r', "registry", NULL, "print the name for a registry, not for a runtime" },
	{ OPT_TO, "to", "NAME", "use this name instead of the image's own" },
	{ OPT_ENGINE, "engine", "podman|docker", "where to look up a plain name (podman)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool imagename_tool = {
	.name = "imagename",
	.synopsis = "[options] IMAGE",
	.about = "Print the skopeo source of a local image, and its name at its destination.",
	.opts = options,
};

struct job {
	const char *to; /* NULL: the image's own name */
	bool docker, registry;
};

static int take_option(struct cli *c, int id, void *arg)
{
	struct job *job = arg;

	if (id == 'r') {
		job->registry = true;
	} else if (id == OPT_TO) {
		job->to = c->arg;
	} else if (strcmp(c->arg, "podman") == 0 || strcmp(c->arg, "docker") == 0) {
		job->docker = strcmp(c->arg, "docker") == 0;
	} else {
		return cli_usage(c, "--engine: podman or docker, not '%s'", c->arg);
	}
	return EX_DONE;
}

static int run(struct cli *c, const struct job *job)
{
	struct source s = { 0 };
	AUTO_FREE char *name = NULL;
	struct err e = { 0 };
	int code = EX_DONE;

	if (c->argc != 1 || *c->argv[0] == '\0')
		return cli_usage(c, "exactly one image is required");
	if (job->to != NULL && *job->to == '\0')
		return cli_usage(c, "--to: the name is empty");
	if (source_find(&s, c->argv[0], !job->docker, &e) == 0) {
		const char *own = job->to != NULL ? job->to : s.name;

		s.name[strcspn(s.name, "@")] = '\0';
		name = job->registry ? source_registry_name(own) : source_full_name(own);
		if (name == NULL)
			(void)err_no_memory(&e);
	}
	if (name != NULL)
		(void)printf("%s\n%s\n", s.src, name);
	else
		code = cli_fail(c, EX_FAIL, &e);
	source_free(&s);
	return code;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &imagename_tool, .argc = argc, .argv = argv };
	struct job job = { 0 };

	if (cli_options(&c, take_option, &job) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	return cli_end(&c, run(&c, &job));
}
