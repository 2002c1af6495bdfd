/* vmstate: the files of a saved VM: seals and checks them, packs and unpacks them, makes copies to start from. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/output.h"
#include "snapshot/dir.h"

enum { OPT_SEAL = OPT_LONG, OPT_PACK, OPT_UNPACK, OPT_KEEP, OPT_FILE, OPT_JSON };

static const struct opt options[] = {
	{ OPT_SEAL, "seal", NULL, "write down what the files NAME are" },
	{ OPT_PACK, "pack", NULL, "replace a file by its packed form" },
	{ OPT_UNPACK, "unpack", NULL, "replace a packed form by the file" },
	{ OPT_KEEP, "keep", NULL, "keep what would be replaced" },
	{ OPT_FILE, "file", "NAME", "the file to pack or unpack (default: ram)" },
	{ 'o', "output", "DEST", "with --unpack: make DEST a copy, unpacked" },
	{ OPT_JSON, "json", NULL, "print what is in DIR as JSON" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool vmstate_tool = {
	.name = "vmstate",
	.synopsis = "[options] DIR [NAME...]",
	.about = "Are the files of a saved VM those that were saved?",
	.opts = options,
};

enum act { CHECK, SEAL, PACK, UNPACK, FACTS };

struct job {
	enum act act;
	const char *dir, *file, *dest;
	bool keep;
};

/* What has been asked for besides, in words; NULL: it goes together. */
static const char *misfit(const struct cli *c, const struct job *j)
{
	if (j->dest != NULL && j->act != UNPACK)
		return "--output needs --unpack";
	if (j->dest != NULL && (j->keep || j->file != NULL))
		return "with --output every file is unpacked, and all of DIR kept";
	if ((j->keep || j->file != NULL) && j->act != PACK && j->act != UNPACK)
		return "--keep and --file need --pack or --unpack";
	if (j->act == SEAL)
		return c->argc >= 2 ? NULL : "--seal: expected the directory, and the names of its files";
	return c->argc == 1 ? NULL : "expected one operand, the directory of a saved VM";
}

/* Returns CLI_END, or CLI_EXIT with the code in C. */
static int parse(struct cli *c, struct job *j)
{
	static const enum act acts[] = { [OPT_SEAL - OPT_LONG] = SEAL,
		[OPT_PACK - OPT_LONG] = PACK,
		[OPT_UNPACK - OPT_LONG] = UNPACK,
		[OPT_JSON - OPT_LONG] = FACTS };
	const char *wrong;
	int id;

	while ((id = cli_next(c)) != CLI_END) {
		switch (id) {
		case OPT_SEAL:
		case OPT_PACK:
		case OPT_UNPACK:
		case OPT_JSON:
			if (j->act != CHECK && j->act != acts[id - OPT_LONG]) {
				c->exit_code = cli_usage(c, "only one of --seal, --pack, --unpack and --json");
				return CLI_EXIT;
			}
			j->act = acts[id - OPT_LONG];
			break;
		case OPT_KEEP:
			j->keep = true;
			break;
		case OPT_FILE:
			j->file = c->arg;
			break;
		case 'o':
			j->dest = c->arg;
			break;
		default:
			return CLI_EXIT;
		}
	}
	wrong = misfit(c, j);
	if (wrong != NULL) {
		c->exit_code = cli_usage(c, "%s", wrong);
		return CLI_EXIT;
	}
	j->dir = c->argv[0];
	return CLI_END;
}

static int print_facts(const char *dir, struct err *e)
{
	json_t *facts = vmdir_facts(dir, e);

	if (facts == NULL)
		return -1;
	/* A write error is cli_end's to report. */
	(void)json_dumpf(facts, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	json_decref(facts);
	return 0;
}

/* Returns 1 when all is well, 0 for "no", or -1. */
static int act(const struct cli *c, const struct job *j, struct err *e)
{
	const char *file = j->file != NULL ? j->file : "ram";
	const char *const *names = (const char *const *)(const void *)(c->argv + 1);
	int rc = 0;

	switch (j->act) {
	case CHECK:
		return vmdir_check(j->dir, e);
	case SEAL:
		rc = vmdir_seal(j->dir, names, (size_t)c->argc - 1, true, e);
		break;
	case PACK:
		rc = vmdir_pack(j->dir, file, j->keep, e);
		break;
	case UNPACK:
		rc = j->dest != NULL ? vmdir_copy(j->dir, j->dest, e) : vmdir_unpack(j->dir, file, j->keep, e);
		break;
	case FACTS:
		rc = print_facts(j->dir, e);
		break;
	}
	return rc == 0 ? 1 : -1;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &vmstate_tool, .argc = argc, .argv = argv };
	struct job j = { .act = CHECK };
	struct err e = { 0 };
	int rc;

	if (parse(&c, &j) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	out_catch_signals();
	rc = act(&c, &j, &e);
	if (rc == 1)
		return cli_end(&c, EX_DONE);
	return cli_end(&c, cli_fail(&c, rc == 0 ? EX_NO : EX_FAIL, &e));
}
