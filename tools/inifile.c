/* inifile: reads values of an INI file, or changes them. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/output.h"
#include "base/readfile.h"
#include "base/unfinished.h"
#include "base/words.h"
#include "provider/ini.h"
#include "provider/ini_edit.h"

static const struct opt opts[] = {
	{ 'g', "get", "SECTION.KEY", "print one value" },
	{ 'l', "list", "SECTION", "print KEY=VALUE for each key of a section" },
	{ 's', "set", "SECTION.KEY=VALUE", "print the file with this value; can be repeated" },
	{ 'r', "replace", "SECTION.KEY=OLD NEW", "the same with the word NEW for OLD" },
	{ 'i', "in-place", NULL, "with --set and --replace: change the file instead" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	const char *get, *list;
	struct words set, replace;
	bool in_place;
};

static const struct opt_member members[] = {
	OPT_MEMBER('g', struct request, get),
	OPT_MEMBER('l', struct request, list),
	OPT_MEMBER('s', struct request, set),
	OPT_MEMBER('r', struct request, replace),
	OPT_MEMBER('i', struct request, in_place),
	{ 0, 0, OPT_TEXT },
};

static const struct tool inifile_tool = {
	.name = "inifile",
	.synopsis = "[options] FILE",
	.about = "Print values of an INI file, or change them.",
	.opts = opts,
	.members = members,
};

/* A section whose values are collected, or one key of it. */
struct list {
	const char *section, *key; /* key: NULL for all */
	FILE *f;
	bool any;
};

/* A continuation line goes to the value above it. */
static int take_line(const struct iniline *l, void *arg, struct err *e)
{
	struct list *list = arg;

	(void)e;
	if (strcmp(l->section, list->section) != 0 || (list->key != NULL && strcmp(l->key, list->key) != 0))
		return 0;
	if (l->continuation)
		(void)fprintf(list->f, " %s", l->value);
	else if (list->key != NULL)
		(void)fputs(l->value, list->f);
	else
		(void)fprintf(list->f, "%s%s=%s", list->any ? "\n" : "", l->key, l->value);
	list->any = true;
	return 0;
}

/* Prints the values of SECTION, or that of KEY. Returns an exit code. */
static int print_values(const struct cli *c, const char *section, const char *key)
{
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	size_t n = 0;
	struct list list = { .section = section, .key = key, .f = open_memstream(&text, &n) };
	int rc;

	if (list.f == NULL)
		return cli_no_memory(c);
	rc = inifile_read(c->argv[0], take_line, &list, &e);
	if (fclose(list.f) != 0 && rc == 0)
		rc = err_no_memory(&e);
	if (rc < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	if (!list.any)
		return EX_NO;
	(void)puts(text);
	return EX_DONE;
}

/* Cuts SECTION.KEY into its two parts. Returns KEY, or NULL: NAME has another form. */
static char *split_name(char *name)
{
	char *dot = strchr(name, ' ') != NULL ? strrchr(name, '.') : strchr(name, '.');

	if (dot == NULL || dot == name || dot[1] == '\0' || strpbrk(name, "]\n") != NULL)
		return NULL;
	*dot = '\0';
	return dot + 1;
}

static int print_value(const struct cli *c, const char *name)
{
	AUTO_FREE char *section = strdup(name);
	const char *key;

	if (section == NULL)
		return cli_no_memory(c);
	key = split_name(section);
	if (key == NULL)
		return cli_usage(c, "'%s' is not SECTION.KEY", name);
	return print_values(c, section, key);
}

/* The parts of SECTION.KEY=VALUE; SECTION is the memory of all. */
struct assignment {
	char *section, *key, *value;
};

/* Returns an exit code. The section is freed by the caller, also on an error. */
static int parse_assignment(const struct cli *c, const char *text, struct assignment *a)
{
	char *section = strdup(text);

	a->section = section;
	if (section == NULL)
		return cli_no_memory(c);
	a->value = strchr(section, '=');
	if (a->value != NULL)
		*a->value++ = '\0';
	a->key = split_name(section);
	if (a->value == NULL || a->key == NULL || strchr(text, '\n') != NULL)
		return cli_usage(c, "'%s' is not SECTION.KEY=VALUE", text);
	return EX_DONE;
}

static int parse_words(const struct cli *c, const char *text, struct assignment *a, struct ini_word *w)
{
	char *blank;
	int code = parse_assignment(c, text, a);

	if (code != EX_DONE)
		return code;
	blank = strchr(a->value, ' ');
	if (blank == NULL || blank == a->value || blank[1] == '\0' || strpbrk(blank + 1, " \t;=") != NULL)
		return cli_usage(c, "'%s' is not SECTION.KEY=OLD NEW", text);
	*blank = '\0';
	*w = (struct ini_word){ a->section, a->key, a->value, blank + 1 };
	return EX_DONE;
}

/* Replaces TEXT (N bytes) by itself with the value SET or, if REPLACE, with other words. Returns an exit code. */
static int change(const struct cli *c, const char *request, bool replace, char **text, size_t *n)
{
	struct assignment a = { 0 };
	struct ini_word w = { 0 };
	size_t out_n = 0, count = 1;
	char *out = NULL;
	FILE *f = NULL;
	int code = replace ? parse_words(c, request, &a, &w) : parse_assignment(c, request, &a);

	if (code == EX_DONE)
		f = open_memstream(&out, &out_n);
	if (f != NULL && replace)
		count = ini_replace_word(f, *text, *n, &w);
	else if (f != NULL)
		ini_edit(f, *text, *n, a.section, a.key, a.value);
	free(a.section);
	if (code != EX_DONE)
		return code;
	if (f == NULL || fclose(f) != 0) {
		free(out);
		return cli_no_memory(c);
	}
	free(*text);
	*text = out;
	*n = out_n;
	return count > 0 ? EX_DONE : EX_NO;
}

static int edit(const struct cli *c, const struct request *r)
{
	AUTO_FREE char *text = NULL;
	struct out o = { 0 };
	struct err e = { 0 };
	int code = EX_DONE;
	size_t n, i;

	if (read_file(c->argv[0], READ_FILE_MAX, &text, &n, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	for (i = 0; code == EX_DONE && i < r->set.n; i++)
		code = change(c, r->set.v[i], false, &text, &n);
	for (i = 0; code == EX_DONE && i < r->replace.n; i++)
		code = change(c, r->replace.v[i], true, &text, &n);
	if (code != EX_DONE)
		return code;
	if (!r->in_place) {
		(void)fwrite(text, 1, n, stdout);
		return EX_DONE;
	}
	unfinished_catch_signals();
	if (out_open(&o, c->argv[0], 0666, &e) < 0)
		return cli_fail(c, EX_FAIL, &e);
	(void)fwrite(text, 1, n, o.f);
	return out_commit_if_changed(&o, &e) < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
}

static int run(const struct cli *c, const struct request *r)
{
	bool edits = r->set.n > 0 || r->replace.n > 0;

	if ((r->get != NULL) + (r->list != NULL) + edits != 1)
		return cli_usage(c, "one of --get, --list, --set and --replace is needed");
	if (r->in_place && !edits)
		return cli_usage(c, "--in-place needs --set or --replace");
	if (c->argc != 1)
		return cli_usage(c, "one file is needed");
	if (r->get != NULL)
		return print_value(c, r->get);
	return r->list != NULL ? print_values(c, r->list, NULL) : edit(c, r);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &inifile_tool, .argc = argc, .argv = argv };
	struct request r = { 0 };
	int code;

	code = cli_options(&c, NULL, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.set);
	words_free(&r.replace);
	return cli_end(&c, code);
}
