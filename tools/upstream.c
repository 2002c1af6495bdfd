/* upstream: lists what a provider downloads from upstream Kubernetes, and checks and writes its lock. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/readfile.h"
#include "base/unfinished.h"
#include "provider/template.h"
#include "provider/upstream.h"

enum { OPT_KUBERNETES = OPT_LONG, OPT_CRI_TOOLS };

static const struct opt opts[] = {
	{ 'D', "define", "NAME=VALUE", "a setting of the provider" },
	{ 'p', "provider", "NAME", "the provider's name, for messages" },
	{ 's', "supported", NULL, "check that the node can run this Kubernetes" },
	{ 'f', "files", NULL, "print NAME<tab>URL of each file" },
	{ 'i', "images", NULL, "print the name of each image" },
	{ 'c', "conformance", NULL, "print the images of the conformance tests" },
	{ 'k', "kubeadm", "FILE", "check the images against this list of kubeadm" },
	{ 'l', "lock", "FILE", "check a lock; -f and -i print its digests" },
	{ 'w', "write", "FILE", "write a lock, from NAME<tab>DIGEST lines" },
	{ 'S', "source", "IMAGE", "print the image's name at its mirror" },
	{ OPT_KUBERNETES, "kubernetes-mirror", "URL", "download from URL instead of dl.k8s.io" },
	{ OPT_CRI_TOOLS, "cri-tools-mirror", "URL", "the same for the releases of cri-tools" },
	{ 'm', "image-mirror", "LIST", "-i, -S: print names at these mirrors" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool upstream_tool = {
	.name = "upstream",
	.synopsis = "[options]",
	.about = "Print and check what a provider downloads from upstream Kubernetes.",
	.opts = opts,
};

struct request {
	struct words values;
	const char *provider, *kubeadm, *lock, *write, *source, *image_mirror;
	struct upstream_mirrors mirrors;
	bool supported, files, images, conformance;
};

/* Prints the image's name, at its mirror if there are any. */
static int print_source(const struct request *r, const char *image, struct err *e)
{
	AUTO_FREE char *name = upstream_image_source(r->image_mirror != NULL ? r->image_mirror : "", image);

	if (name == NULL)
		return err_no_memory(e);
	(void)puts(name);
	return 0;
}

static void print_files(const struct upstream *u, const struct lock *l)
{
	char section[64];
	size_t i;

	for (i = 0; i < u->nfiles; i++) {
		(void)snprintf(section, sizeof section, "file %s", u->files[i].name);
		(void)printf("%s\t%s", u->files[i].name, u->files[i].url);
		(void)printf(l->n > 0 ? "\t%s\n" : "\n", l->n > 0 ? lock_get(l, section, "sha256") : "");
	}
}

static int print_images(const struct request *r, const struct upstream *u, const struct lock *l, struct err *e)
{
	AUTO_WORDS struct words names = { 0 };
	size_t i;

	if (upstream_pinned(u, &names) < 0)
		return err_no_memory(e);
	for (i = 0; i < names.n; i++)
		if (l->n > 0)
			(void)printf("%s\t%s\n", names.v[i], lock_digest(l, names.v[i]));
		else if (print_source(r, names.v[i], e) < 0)
			return -1;
	return 0;
}

/* The images that kubeadm names, a line each. */
static int check_kubeadm(const struct request *r, const struct upstream *u, struct err *e)
{
	AUTO_WORDS struct words names = { 0 };

	return read_file_words(r->kubeadm, &names, e) < 0 ? -1 : upstream_wanted(u, &names, e);
}

static int write_lock(const struct request *r, const struct upstream *u, struct err *e)
{
	AUTO_LOCK struct lock l = { 0 };
	AUTO_FREE char *comment = NULL;

	if (upstream_begin(u, &l, e) < 0 || lock_read_digests(&l, STDIN_FILENO, upstream_add, u, e) < 0 ||
	    upstream_fits(u, &l, r->write, e) < 0)
		return -1;
	if (asprintf(&comment, "The downloads of %s, as 'make pin PROVIDER=%s SOURCE=upstream' found them.",
		r->provider, r->provider) < 0) {
		comment = NULL;
		return err_no_memory(e);
	}
	unfinished_catch_signals();
	return lock_save(&l, r->write, comment, e);
}

static int answer(const struct request *r, const struct upstream *u, struct lock *l, struct err *e)
{
	size_t i;

	if (r->supported && upstream_supported(u, e) < 0)
		return -1;
	if (r->kubeadm != NULL && check_kubeadm(r, u, e) < 0)
		return -1;
	if (r->write != NULL)
		return write_lock(r, u, e);
	if (r->lock != NULL && upstream_fits(u, l, r->lock, e) < 0)
		return -1;
	if (r->files)
		print_files(u, l);
	for (i = 0; r->conformance && i < u->conformance.n; i++)
		(void)puts(u->conformance.v[i]);
	return r->images ? print_images(r, u, l, e) : 0;
}

static int run(const struct cli *c, const struct request *r)
{
	AUTO_UPSTREAM struct upstream u = { 0 };
	AUTO_LOCK struct lock l = { 0 };
	struct err e = { 0 };
	int queries = r->files + r->images + r->conformance + (r->write != NULL) + (r->source != NULL);

	if (c->argc != 0)
		return cli_usage(c, "no operands are taken");
	if (queries > 1)
		return cli_usage(c, "only one of --files, --images, --conformance, --write and --source can be given");
	if (queries == 0 && !r->supported && r->kubeadm == NULL && r->lock == NULL)
		return cli_usage(c, "nothing to do");
	if (r->lock != NULL && r->write != NULL)
		return cli_usage(c, "--lock and --write exclude each other");
	if (r->source != NULL)
		return print_source(r, r->source, &e) < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
	if (r->provider == NULL)
		return cli_usage(c, "--provider is needed");
	if (upstream_load(&u, r->provider, &r->values, &r->mirrors, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	if (r->lock != NULL && lock_read(&l, r->lock, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	return answer(r, &u, &l, &e) < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
}

/* Where the argument of an option without an effect of its own goes. */
static const char **argument(struct request *r, int id)
{
	switch (id) {
	case 'p':
		return &r->provider;
	case 'k':
		return &r->kubeadm;
	case 'l':
		return &r->lock;
	case 'w':
		return &r->write;
	case 'S':
		return &r->source;
	case OPT_KUBERNETES:
		return &r->mirrors.kubernetes;
	case OPT_CRI_TOOLS:
		return &r->mirrors.cri_tools;
	default:
		return &r->image_mirror;
	}
}

static int take_option(struct cli *c, int id, void *arg)
{
	struct request *r = arg;
	struct err e = { 0 };

	if (id == 'D')
		return template_define(&r->values, c->arg, &e) < 0 ? cli_usage(c, "%s", e.msg) : EX_DONE;
	if (id == 's')
		r->supported = true;
	else if (id == 'f')
		r->files = true;
	else if (id == 'i')
		r->images = true;
	else if (id == 'c')
		r->conformance = true;
	else
		*argument(r, id) = c->arg;
	return EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &upstream_tool, .argc = argc, .argv = argv };
	struct request r = { 0 };
	int code;

	code = cli_options(&c, take_option, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.values);
	return cli_end(&c, code);
}
