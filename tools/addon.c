/* addon: prints what add-ons need, or renders the files of one that are applied. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/args.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mkdirs.h"
#include "base/output.h"
#include "base/quote.h"
#include "base/readfile.h"
#include "base/unfinished.h"
#include "provider/addon_pins.h"
#include "provider/template.h"

enum { OPT_FETCH = OPT_LONG };

static const struct opt opts[] = {
	{ 'I', "include", "DIR", "look for add-ons in DIR; the first match counts" },
	{ 'D', "define", "NAME=VALUE", "a setting of the provider" },
	{ 'n', "needs", NULL, "print the add-ons and what they need, in order" },
	{ 'i', "images", NULL, "print the images that addon.ini names" },
	{ 'u', "urls", NULL, "print FILE<tab>URL of each download" },
	{ 'l', "lock", NULL, "print the path of the lock file, if one is needed" },
	{ 'p', "path", NULL, "print the add-on's directory or file" },
	{ 'o', "output", "DIR", "write the files to apply to DIR" },
	{ 'P', "pack", "DIR", "the same, and the file conf for applying them" },
	{ 'A', "packed", "DIR", "print packed add-ons and what they need, in order" },
	{ 'N', "pinned", NULL, "print the images that locks and settings pin" },
	{ 'w', "write", "FILE", "write a lock, from NAME<tab>DIGEST lines" },
	{ 'C', "cache", "DIR", "directory of downloads, named by digest" },
	{ OPT_FETCH, "fetch", "PROGRAM", "the fetch(1) to use (default: fetch)" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool addon_tool = {
	.name = "addon",
	.synopsis = "[options] NAME...",
	.about = "Print what add-ons need, or render the files of one that are applied.",
	.opts = opts,
};

struct request {
	struct addons all;
	int query; /* the letter of the option; 0: none yet */
	const char *dir, *cache, *fetch;
	int code; /* to exit with on an error */
};

/* Runs ARGS with standard output to OUT. Returns 0, or -1: it cannot be run, or failed, with exit code CODE. */
static int run_program(const struct args *args, int out, int *code, struct err *e)
{
	const struct child_io io = { .in = -1, .out = out, .err = STDERR_FILENO };
	struct child child;
	int status = 0;

	if (args->failed)
		return err_no_memory(e);
	if (child_start(&child, args->v, &io, SIGTERM, e) < 0)
		return -1;
	if (child_wait(&child, INT64_MAX, &status, e) <= 0) {
		child_kill(&child);
		return -1;
	}
	(void)close(child.pidfd);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		*code = WEXITSTATUS(status);
	return err_set(e, "%s failed", args->v[0]);
}

/* The path in the cache of a file that is fetched (to be freed), which is then there and has the locked digest. */
static int cached(struct request *r, const struct addon *a, const char *file, char **path, struct err *e)
{
	AUTO_FREE char *url = NULL;
	char hex[SHA256_HEX];
	struct args args = { 0 };
	int rc;

	if (addon_pinned(a, file, &url, hex, e) < 0)
		return -1;
	if (r->cache == NULL)
		return err_set(e, "%s is a downloaded file, which requires --cache", file);
	if (mkdirs(r->cache, 0777, e) < 0)
		return -1;
	if (asprintf(path, "%s/%s", r->cache, hex) < 0) {
		*path = NULL;
		return err_no_memory(e);
	}
	args_add(&args, "%s", r->fetch);
	args_add(&args, "--sha256=%s", hex);
	args_add(&args, "--output=%s", *path);
	args_add(&args, "%s", url);
	rc = run_program(&args, STDERR_FILENO, &r->code, e);
	args_free(&args);
	return rc < 0 ? err_prefix(e, "add-on %s: %s", a->name, file) : 0;
}

/* A directory with a link to each fetched file, for the add-on's own program. */
static int link_fetched(struct request *r, const struct addon *a, const char *dir, struct err *e)
{
	AUTO_WORDS struct words files = { 0 };
	size_t i;

	if (addon_fetched(a, &files) < 0)
		return err_no_memory(e);
	for (i = 0; i < files.n; i++) {
		AUTO_FREE char *path = NULL;
		AUTO_FREE char *name = NULL;

		if (cached(r, a, files.v[i], &path, e) < 0)
			return -1;
		if (asprintf(&name, "%s/%s", dir, files.v[i]) < 0) {
			name = NULL;
			return err_no_memory(e);
		}
		if (symlink(path, name) < 0)
			return err_sys(e, "%s", name);
	}
	return 0;
}

/* FILE of the add-on is what its FILE.render makes of the fetched files. */
static int make_file(struct request *r, const struct addon *a, const char *program, int out, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX];
	struct args args = { 0 };
	int rc;

	(void)snprintf(dir, sizeof dir, "%s/addon.XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		return err_sys(e, "%s", dir);
	rc = link_fetched(r, a, dir, e);
	args_add(&args, "%s", program);
	args_add(&args, "%s", dir);
	if (rc == 0)
		rc = run_program(&args, out, &r->code, e);
	args_free(&args);
	(void)unfinished_remove_dir(dir);
	return rc;
}

/* A file of the add-on's own, rendered. */
static int own_file(const struct addon *a, const char *path, char **text, size_t *n, struct err *e)
{
	AUTO_FREE char *in = NULL;
	size_t in_n;

	if (read_file(path, READ_FILE_MAX, &in, &in_n, e) < 0)
		return -1;
	return addon_render(a, path, in, in_n, text, n, e);
}

static int fetched_file(
    struct request *r, const struct addon *a, const char *file, char **text, size_t *n, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *in = NULL;
	size_t in_n;

	if (cached(r, a, file, &path, e) < 0 || read_file(path, READ_FILE_MAX, &in, &in_n, e) < 0)
		return -1;
	return addon_replace(a, file, in, in_n, text, n, e);
}

/* Writes FILE as it is applied to FD, which is TO. */
static int render_file(
    struct request *r, const struct addon *a, const char *file, int fd, const char *to, struct err *e)
{
	AUTO_FREE char *own = NULL;
	AUTO_FREE char *program = NULL;
	AUTO_FREE char *text = NULL;
	size_t n = 0;
	int rc;

	if (asprintf(&own, "%s/%s", a->path, file) < 0 || asprintf(&program, "%s.render", own) < 0)
		return err_no_memory(e);
	if (access(own, F_OK) == 0)
		rc = own_file(a, own, &text, &n, e);
	else if (access(program, X_OK) == 0)
		return make_file(r, a, program, fd, e);
	else
		rc = fetched_file(r, a, file, &text, &n, e);
	if (rc < 0)
		return -1;
	return out_write(fd, text, n) < 0 ? err_sys(e, "%s", to) : 0;
}

/* Writes file NUMBER of the add-on, or its only one (0), to the directory. */
static int write_file(struct request *r, const struct addon *a, size_t number, const char *file, struct err *e)
{
	AUTO_FREE char *to = NULL;
	AUTO_FREE char *text = NULL;
	struct out o;
	size_t n = 0;
	int rc;

	if ((number > 0 ? asprintf(&to, "%s/%02zu-%s", r->dir, number, file)
			: asprintf(&to, "%s/%s.yaml", r->dir, file)) < 0) {
		to = NULL;
		return err_no_memory(e);
	}
	if (out_open(&o, to, 0666, e) < 0)
		return -1;
	if (number > 0)
		rc = render_file(r, a, file, fileno(o.f), to, e);
	else
		rc = template_file(&a->all->values, a->path, &text, &n, e);
	if (rc == 0 && out_write(fileno(o.f), text, n) < 0)
		rc = err_sys(e, "%s", to);
	if (rc == 0)
		return out_commit(&o, e);
	/* A file of an earlier call must not be taken for this one's. */
	out_abort(&o);
	(void)unlink(to);
	return -1;
}

static int write_files(struct request *r, const struct addon *a, struct err *e)
{
	AUTO_WORDS struct words files = { 0 };
	size_t i;

	if (mkdirs(r->dir, 0777, e) < 0)
		return -1;
	if (a->single)
		return write_file(r, a, 0, a->name, e);
	if (words_split(&files, addon_get(a, "apply")) < 0)
		return err_no_memory(e);
	for (i = 0; i < files.n; i++)
		if (write_file(r, a, i + 1, files.v[i], e) < 0)
			return -1;
	return 0;
}

/* The settings with which mk/sh/provider/addon.sh applies the files. */
static int write_conf(const struct request *r, const struct addon *a, struct err *e)
{
	static const char *const keys[] = { "needs", "namespace", "wait", "timeout" };
	AUTO_FREE char *path = NULL;
	struct out o;
	FILE *f;
	size_t i;

	if (asprintf(&path, "%s/conf", r->dir) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	if (out_open(&o, path, 0666, e) < 0)
		return -1;
	f = o.f;
	(void)fputs("addon_name=", f);
	quote_sh(f, a->name);
	/* A fetched manifest may be too large for the annotation that a client-side apply leaves. */
	(void)fputs("\naddon_apply=", f);
	quote_sh(f, a->single ? "" : "--server-side --force-conflicts");
	for (i = 0; i < sizeof keys / sizeof *keys; i++) {
		(void)fprintf(f, "\naddon_%s=", keys[i]);
		quote_sh(f, addon_get(a, keys[i]));
	}
	(void)fputc('\n', f);
	return out_commit(&o, e);
}

static int print_images(const struct addon *a, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_WORDS struct words images = { 0 };
	size_t i;

	if (a->single)
		return 0;
	if (addon_render_value(a, "addon", "images", &text, e) < 0)
		return -1;
	if (words_split(&images, text) < 0)
		return err_no_memory(e);
	for (i = 0; i < images.n; i++)
		(void)puts(images.v[i]);
	return 0;
}

static int print_urls(const struct addon *a, struct err *e)
{
	AUTO_WORDS struct words files = { 0 };
	size_t i;

	if (addon_fetched(a, &files) < 0)
		return err_no_memory(e);
	for (i = 0; i < files.n; i++) {
		AUTO_FREE char *url = NULL;

		if (addon_url(a, files.v[i], &url, e) < 0)
			return -1;
		(void)printf("%s\t%s\n", files.v[i], url);
	}
	return 0;
}

static int print_lock(const struct addon *a, struct err *e)
{
	AUTO_FREE char *lock = NULL;

	if (addon_lock(a, &lock, e) < 0)
		return -1;
	if (lock != NULL)
		(void)puts(lock);
	return 0;
}

static int write_lock(const struct request *r, const struct addon *a, struct err *e)
{
	AUTO_FREE char *comment = NULL;
	AUTO_LOCK struct lock l = { 0 };

	if (a->single)
		return err_set(e, "add-on %s: it is a single file, which needs no lock", a->name);
	if (lock_read_digests(&l, STDIN_FILENO, addon_pin, a, e) < 0)
		return -1;
	if (asprintf(&comment, "The downloads of the add-on %s, as 'make pin ADDON=%s' found them.", a->name, a->name) <
	    0) {
		comment = NULL;
		return err_no_memory(e);
	}
	unfinished_catch_signals();
	return lock_save(&l, r->dir, comment, e);
}

static int answer(struct request *r, const struct addon *a, struct err *e)
{
	switch (r->query) {
	case 'i':
		return print_images(a, e);
	case 'u':
		return print_urls(a, e);
	case 'l':
		return print_lock(a, e);
	case 'w':
		return write_lock(r, a, e);
	case 'p':
		(void)puts(a->path);
		return 0;
	default:
		return write_files(r, a, e) < 0 || (r->query == 'P' && write_conf(r, a, e) < 0) ? -1 : 0;
	}
}

/* The answers to questions about all add-ons together. */
static int print_list(const struct request *r, char *const *names, size_t n, struct err *e)
{
	AUTO_WORDS struct words list = { 0 };
	size_t i;
	int rc;

	if (r->query == 'n')
		rc = addon_needs(&r->all, names, n, &list, e);
	else if (r->query == 'N')
		rc = addon_pins(&r->all, names, n, &list, e);
	else
		rc = addon_packed(r->dir, names, n, &list, e);
	for (i = 0; rc == 0 && i < list.n; i++)
		(void)puts(list.v[i]);
	return rc;
}

static int run_query(struct request *r, char *const *names, size_t n, struct err *e)
{
	size_t i;

	if (strchr("nNA", r->query) != NULL)
		return print_list(r, names, n, e);
	for (i = 0; i < n; i++) {
		AUTO_ADDON struct addon a = { 0 };

		if (addon_open(&a, &r->all, names[i], e) < 0 || answer(r, &a, e) < 0)
			return -1;
	}
	return 0;
}

static int set_query(const struct cli *c, struct request *r, int id)
{
	if (r->query != 0)
		return cli_usage(c, "only one of --needs, --images, --urls, --lock, --path, --output, --pack, "
				    "--packed, --pinned and --write can be given");
	r->query = id;
	r->dir = c->arg;
	return EX_DONE;
}

/* Returns EX_DONE or another exit code. */
static int take_option(struct cli *c, int id, void *arg)
{
	struct request *r = arg;
	struct err e = { 0 };

	switch (id) {
	case 'I':
		return words_add(&r->all.dirs, c->arg) < 0 ? cli_no_memory(c) : EX_DONE;
	case 'D':
		return template_define(&r->all.values, c->arg, &e) < 0 ? cli_usage(c, "%s", e.msg) : EX_DONE;
	case 'C':
		r->cache = c->arg;
		return EX_DONE;
	case OPT_FETCH:
		r->fetch = c->arg;
		return EX_DONE;
	default:
		return set_query(c, r, id);
	}
}

static int run(const struct cli *c, struct request *r)
{
	struct err e = { 0 };

	if (r->query == 0)
		return cli_usage(c, "one of --needs, --images, --urls, --lock, --path, --output, --pack, --packed, "
				    "--pinned and --write is needed");
	if (strchr("oPw", r->query) != NULL && c->argc != 1)
		return cli_usage(c, "one add-on is needed");
	return run_query(r, c->argv, (size_t)c->argc, &e) < 0 ? cli_fail(c, r->code, &e) : EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &addon_tool, .argc = argc, .argv = argv };
	struct request r = { .fetch = "fetch", .code = EX_FAIL };
	int code;

	code = cli_options(&c, take_option, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.all.dirs);
	words_free(&r.all.values);
	return cli_end(&c, code);
}
