/* vmstate: works on saved machines: verifies, packs, unpacks and copies their files; and says if they are usable. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/unfinished.h"
#include "snapshot/disks.h"
#include "snapshot/fitness.h"
#include "snapshot/manifest.h"
#include "snapshot/pack.h"
#include "snapshot/verify.h"

/* The first of these are actions, at most one of which is given. */
enum { OPT_RECORD = OPT_LONG, OPT_PACK, OPT_UNPACK, OPT_JSON, OPT_DISK, OPT_USABLE, OPT_EXPIRES, OPT_KEEP, OPT_FILE };

static const struct opt options[] = {
	{ OPT_RECORD, "record", NULL, "write a manifest of the files NAME" },
	{ OPT_PACK, "pack", NULL, "replace a file by its packed form" },
	{ OPT_UNPACK, "unpack", NULL, "replace a packed form by the file" },
	{ OPT_KEEP, "keep", NULL, "keep the form that would be replaced" },
	{ OPT_FILE, "file", "NAME", "the file to pack or unpack (default: ram)" },
	{ 'o', "output", "DEST", "with --unpack: make an unpacked copy of DIR" },
	{ OPT_JSON, "json", NULL, "list the files of DIR as JSON" },
	{ OPT_DISK, "disk", NULL, "print the name of the disk's file in DIR" },
	{ OPT_USABLE, "usable", NULL, "say if DIR, a cluster's saved state, can be used" },
	{ OPT_EXPIRES, "expires", NULL, "print when the first certificate in DIR expires" },
	{ 0, NULL, NULL, NULL },
};

enum act { VERIFY, RECORD, PACK, UNPACK, LIST, DISK, USABLE, EXPIRES };

struct job {
	enum act act;
	const char *dir, *file, *dest;
	bool keep;
};

static const struct opt_member members[] = {
	OPT_MEMBER(OPT_KEEP, struct job, keep),
	OPT_MEMBER(OPT_FILE, struct job, file),
	OPT_MEMBER('o', struct job, dest),
	{ 0, 0, OPT_TEXT },
};

static const struct tool vmstate_tool = {
	.name = "vmstate",
	.synopsis = "[options] DIR [NAME...]",
	.about = "Verify, pack, unpack and copy the files of a saved machine.",
	.opts = options,
	.members = members,
};

/* Says which options or operands do not go together; NULL: they do. */
static const char *conflict(const struct cli *c, const struct job *j)
{
	if (j->dest != NULL && j->act != UNPACK)
		return "--output needs --unpack";
	if (j->dest != NULL && (j->keep || j->file != NULL))
		return "--output unpacks every file and changes nothing in DIR: no --keep or --file";
	if ((j->keep || j->file != NULL) && j->act != PACK && j->act != UNPACK)
		return "--keep and --file need --pack or --unpack";
	if (j->act == RECORD)
		return c->argc >= 2 ? NULL : "--record: expected a directory and the names of files in it";
	return c->argc == 1 ? NULL : "expected one directory";
}

/* Takes the option of an action. Returns an exit code. */
static int take_action(struct cli *c, int id, void *arg)
{
	static const enum act acts[] = { [OPT_RECORD - OPT_LONG] = RECORD,
		[OPT_PACK - OPT_LONG] = PACK,
		[OPT_UNPACK - OPT_LONG] = UNPACK,
		[OPT_JSON - OPT_LONG] = LIST,
		[OPT_DISK - OPT_LONG] = DISK,
		[OPT_USABLE - OPT_LONG] = USABLE,
		[OPT_EXPIRES - OPT_LONG] = EXPIRES };
	struct job *j = arg;

	if (j->act != VERIFY && j->act != acts[id - OPT_LONG])
		return cli_usage(c, "only one of --record, --pack, --unpack, --json, --disk, --usable and --expires");
	j->act = acts[id - OPT_LONG];
	return EX_DONE;
}

/* Returns CLI_END, or CLI_EXIT with the code in C. */
static int parse(struct cli *c, struct job *j)
{
	const char *wrong;

	if (cli_options(c, take_action, j) == CLI_EXIT)
		return CLI_EXIT;
	wrong = conflict(c, j);
	if (wrong != NULL) {
		c->exit_code = cli_usage(c, "%s", wrong);
		return CLI_EXIT;
	}
	j->dir = c->argv[0];
	return CLI_END;
}

static int print_list(const char *dir, struct err *e)
{
	json_t *list = saved_list(dir, e);

	if (list == NULL)
		return -1;
	/* cli_end reports a write error. */
	(void)json_dumpf(list, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	json_decref(list);
	return 0;
}

static int print_disk(const char *dir, struct err *e)
{
	AUTO_FREE char *name = disks_saved(dir, e);

	if (name == NULL)
		return -1;
	if (name[0] != '\0')
		(void)puts(name);
	return 0;
}

static int print_expires(const char *dir, struct err *e)
{
	time_t expires;
	int rc = fitness_expires(dir, &expires, e);

	if (rc == 1)
		(void)printf("%" PRId64 "\n", (int64_t)expires);
	return rc < 0 ? -1 : 0;
}

/* Returns 1 if all is well, 0 for "no", or -1. */
static int act(const struct cli *c, const struct job *j, struct err *e)
{
	const char *file = j->file != NULL ? j->file : SAVED_RAM;
	const char *const *names = (const char *const *)(const void *)(c->argv + 1);
	int rc = 0;

	switch (j->act) {
	case VERIFY:
		return saved_verify(j->dir, e);
	case USABLE:
		return fitness_check(j->dir, time(NULL), e);
	case RECORD:
		rc = saved_record(j->dir, names, (size_t)c->argc - 1, true, e);
		break;
	case PACK:
		rc = saved_pack(j->dir, file, j->keep, e);
		break;
	case UNPACK:
		rc = j->dest != NULL ? saved_copy(j->dir, j->dest, e) : saved_unpack(j->dir, file, j->keep, e);
		break;
	case LIST:
		rc = print_list(j->dir, e);
		break;
	case DISK:
		rc = print_disk(j->dir, e);
		break;
	case EXPIRES:
		rc = print_expires(j->dir, e);
		break;
	}
	return rc == 0 ? 1 : -1;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &vmstate_tool, .argc = argc, .argv = argv };
	struct job j = { .act = VERIFY };
	struct err e = { 0 };
	int rc;

	if (parse(&c, &j) == CLI_EXIT)
		return cli_end(&c, c.exit_code);
	unfinished_catch_signals();
	rc = act(&c, &j, &e);
	if (rc == 1)
		return cli_end(&c, EX_DONE);
	if (rc < 0 || j.act != USABLE)
		return cli_end(&c, cli_fail(&c, rc == 0 ? EX_NO : EX_FAIL, &e));
	/* The reason is the answer: a script shows it in a message of its own. */
	(void)puts(e.msg);
	return cli_end(&c, EX_NO);
}
