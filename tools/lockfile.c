/* lockfile: reads and writes the lock files of providers and add-ons. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/readfile.h"
#include "base/unfinished.h"
#include "provider/lock.h"

static const struct opt opts[] = {
	{ 'g', "get", "SECTION.KEY", "print one value" },
	{ 'n', "names", "KIND", "print the NAME of each section [KIND NAME]" },
	{ 'i', "images", NULL, "print the name and digest of each image" },
	{ 'f', "files", "URL", "print the digest and URL of each file" },
	{ 'w', "write", NULL, "write FILE, from the values on standard input" },
	{ 'c', "comment", "TEXT", "with --write: the comment at the top" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	const char *get, *names, *files, *comment;
	bool images, write;
};

static const struct opt_member members[] = {
	OPT_MEMBER('g', struct request, get),
	OPT_MEMBER('n', struct request, names),
	OPT_MEMBER('i', struct request, images),
	OPT_MEMBER('f', struct request, files),
	OPT_MEMBER('w', struct request, write),
	OPT_MEMBER('c', struct request, comment),
	{ 0, 0, OPT_TEXT },
};

static const struct tool lockfile = {
	.name = "lockfile",
	.synopsis = "[options] FILE",
	.about = "Check a lock file and print its values, or write one.",
	.opts = opts,
	.members = members,
};

static int print_one(const struct cli *c, const struct lock *l, const char *name)
{
	AUTO_FREE char *section = strdup(name);
	char *dot = section != NULL ? strrchr(section, '.') : NULL;
	const char *value;

	if (section == NULL)
		return cli_no_memory(c);
	if (dot == NULL)
		return cli_usage(c, "'%s' is not SECTION.KEY", name);
	*dot = '\0';
	value = lock_get(l, section, dot + 1);
	if (value == NULL)
		return EX_NO;
	(void)puts(value);
	return EX_DONE;
}

static int print_names(const struct cli *c, const struct lock *l, const char *kind)
{
	AUTO_WORDS struct words names = { 0 };
	size_t i;

	if (lock_names(l, kind, &names) < 0)
		return cli_no_memory(c);
	for (i = 0; i < names.n; i++)
		(void)puts(names.v[i]);
	return EX_DONE;
}

/* An image without a digest is left out: the reader reports that it is missing. */
static int print_images(const struct lock *l)
{
	const char *name;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strncmp(l->v[i].section, "image ", 6) != 0 || strcmp(l->v[i].key, "digest") != 0)
			continue;
		name = lock_get(l, l->v[i].section, "name");
		if (name != NULL)
			(void)printf("%s\t%s\n", name, l->v[i].value);
	}
	return EX_DONE;
}

/* BASE is the URL that paths are below. A file without a digest, or without a place, is an error. */
static int print_files(const struct cli *c, const struct lock *l, const char *base)
{
	AUTO_WORDS struct words names = { 0 };
	size_t i;

	if (lock_names(l, "file", &names) < 0)
		return cli_no_memory(c);
	for (i = 0; i < names.n; i++) {
		AUTO_FREE char *section = NULL;
		const char *hex, *url, *path;
		struct err e = { 0 };

		if (asprintf(&section, "file %s", names.v[i]) < 0) {
			section = NULL;
			return cli_no_memory(c);
		}
		hex = lock_get(l, section, "sha256");
		url = lock_get(l, section, "url");
		path = lock_get(l, section, "path");
		if (hex == NULL || (url == NULL && path == NULL)) {
			(void)err_set(
			    &e, "%s: [%s] has no %s", c->argv[0], section, hex == NULL ? "sha256" : "url and no path");
			return cli_fail(c, EX_BAD_USAGE, &e);
		}
		if (url != NULL)
			(void)printf("%s\t%s\n", hex, url);
		else
			(void)printf("%s\t%s/%s\n", hex, base, path);
	}
	return EX_DONE;
}

static int print_all(const struct lock *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		(void)printf("%s\t%s\t%s\n", l->v[i].section, l->v[i].key, l->v[i].value);
	return EX_DONE;
}

/* Adds a line SECTION<tab>KEY<tab>VALUE to a lock. */
static int take_value(char *line, void *arg, struct err *e)
{
	char *key = strchr(line, '\t'), *value = key != NULL ? strchr(key + 1, '\t') : NULL;

	if (value == NULL)
		return err_set(e, "not SECTION<tab>KEY<tab>VALUE");
	*key++ = '\0';
	*value++ = '\0';
	return lock_add(arg, line, key, value, e);
}

static int write_lock(const struct cli *c, const struct request *r)
{
	AUTO_LOCK struct lock l = { 0 };
	struct err e = { 0 };

	if (r->comment != NULL && strchr(r->comment, '\n') != NULL)
		return cli_usage(c, "the comment has more than one line");
	if (read_fd_lines(STDIN_FILENO, "standard input", take_value, &l, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	unfinished_catch_signals();
	return lock_save(&l, c->argv[0], r->comment, &e) < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
}

static int run(const struct cli *c, const struct request *r)
{
	AUTO_LOCK struct lock l = { 0 };
	struct err e = { 0 };

	if ((r->get != NULL) + (r->names != NULL) + (r->files != NULL) + r->images + r->write > 1)
		return cli_usage(c, "only one of --get, --names, --images, --files and --write can be given");
	if (r->comment != NULL && !r->write)
		return cli_usage(c, "--comment needs --write");
	if (c->argc != 1)
		return cli_usage(c, "one file is needed");
	if (r->write)
		return write_lock(c, r);
	if (lock_read(&l, c->argv[0], &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	if (r->get != NULL)
		return print_one(c, &l, r->get);
	if (r->names != NULL)
		return print_names(c, &l, r->names);
	if (r->files != NULL)
		return print_files(c, &l, r->files);
	return r->images ? print_images(&l) : print_all(&l);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &lockfile, .argc = argc, .argv = argv };
	struct request r = { 0 };

	return cli_end(&c, cli_options(&c, NULL, &r) == CLI_EXIT ? c.exit_code : run(&c, &r));
}
