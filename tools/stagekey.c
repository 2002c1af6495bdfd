/* stagekey: computes the keys of all stages of a provider, and explains how they differ. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/output.h"
#include "base/quote.h"
#include "base/unfinished.h"
#include "kube/images.h"
#include "provider/derived.h"
#include "stage/incremental.h"
#include "stage/inputs.h"
#include "stage/runs.h"
#include "stage/unused.h"
#include "stage/why.h"

enum { OPT_INCREMENTAL = OPT_LONG, OPT_UNUSED, OPT_DERIVE, OPT_IMAGES, OPT_SOURCE, OPT_CNI };

static const struct opt opts[] = {
	{ 'b', "bin", "DIR", "compiled tools, whose digests are in the keys" },
	{ 'C', "top", "DIR", "top directory of the checkout (.)" },
	{ OPT_DERIVE, "derive", "OUT", "keys of a provider in OUT with more manifests" },
	{ 'I', "include", "DIR", "also look in DIR for inherited providers" },
	{ OPT_CNI, "cni", "CNI", "--derive: the value of [network] cni" },
	{ 'i', "inputs", "DIR", "write the inputs of each key to DIR" },
	{ OPT_IMAGES, "images", "LIST", "--derive: images for [images] extra" },
	{ 'o', "output", "FILE", "write to FILE, only if its contents change" },
	{ OPT_SOURCE, "source", "SOURCE", "--derive: the value of [kubernetes] source" },
	{ 't', "tool-versions", "FILE", "versions of other programs: lines NAME VERSION" },
	{ OPT_INCREMENTAL, "incremental", NULL, "find a checkpoint where a stage can start" },
	{ OPT_UNUSED, "unused", NULL, "list what no current key names" },
	{ 'w', "why", NULL, "explain how inputs differ, why a stage will run" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	const char *top, *bin, *inputs, *output, *versions, *derive, *images, *source, *cni;
	struct words include;
	bool why, incremental, unused;
};

static const struct opt_member members[] = {
	OPT_MEMBER('b', struct request, bin),
	OPT_MEMBER('C', struct request, top),
	OPT_MEMBER('i', struct request, inputs),
	OPT_MEMBER('o', struct request, output),
	OPT_MEMBER('t', struct request, versions),
	OPT_MEMBER('w', struct request, why),
	OPT_MEMBER(OPT_DERIVE, struct request, derive),
	OPT_MEMBER(OPT_IMAGES, struct request, images),
	OPT_MEMBER(OPT_SOURCE, struct request, source),
	OPT_MEMBER(OPT_CNI, struct request, cni),
	OPT_MEMBER(OPT_INCREMENTAL, struct request, incremental),
	OPT_MEMBER(OPT_UNUSED, struct request, unused),
	OPT_MEMBER('I', struct request, include),
	{ 0, 0, OPT_TEXT },
};

static const struct tool stagekey_tool = {
	.name = "stagekey",
	.synopsis = "[options] DIR [FILE...] | --why|--incremental|--unused ARG...",
	.about = "Print the keys of all stages of the provider in DIR, for make.",
	.opts = opts,
	.members = members,
};

/* Writes "NAME := VALUE"; no trailing blank after an empty value. */
static void put(FILE *f, const char *name, const char *stage, const char *value)
{
	(void)fprintf(f, "%s%s :=%s", name, stage, *value != '\0' ? " " : "");
	quote_make(f, value);
	(void)fputc('\n', f);
}

static void put_words(FILE *f, const char *name, const char *stage, const struct words *w)
{
	size_t i;

	(void)fprintf(f, "%s%s :=", name, stage);
	for (i = 0; i < w->n; i++) {
		(void)fputc(' ', f);
		quote_make(f, w->v[i]);
	}
	(void)fputc('\n', f);
}

static const char *value_of(const struct stagekeys *k, const struct stage *s, const char *key)
{
	const char *value = provider_get(k->provider, s->section, key);

	return value != NULL ? value : "";
}

static void put_stage(FILE *f, const struct stagekeys *k, size_t i)
{
	const struct stage *s = &k->stages->v[i];

	(void)fprintf(f, "\nKEY.%s := %.*s\n", s->name, RUN_KEY_DIGITS, k->keys[i]);
	put_words(f, "NEEDS.", s->name, &s->needs);
	put(f, "SCRIPT.", s->name, s->script);
	put(f, "LIVE.", s->name, strcmp(value_of(k, s, "live"), "no") == 0 ? "" : value_of(k, s, "live"));
	put(f, "TITLE.", s->name, value_of(k, s, "title"));
	put(f, "TIMEOUT.", s->name, value_of(k, s, "timeout"));
}

static void put_fragment(FILE *f, const struct stagekeys *k)
{
	size_t i;

	put_words(f, "PROVIDER_DIRS", "", &k->provider->dirs);
	(void)fputs("STAGES :=", f);
	for (i = 0; i < k->stages->n; i++)
		(void)fprintf(f, " %s", k->stages->v[i].name);
	(void)fputc('\n', f);
	for (i = 0; i < k->stages->n; i++)
		put_stage(f, k, i);
}

static int write_fragment(const struct request *r, const struct stagekeys *k, struct err *e)
{
	struct out o;

	if (r->output == NULL) {
		put_fragment(stdout, k);
		return 0;
	}
	if (out_open(&o, r->output, 0666, e) < 0)
		return -1;
	put_fragment(o.f, k);
	return out_commit_if_changed(&o, e);
}

/* Writes the lines of one stage. The key is in the file's name: an existing file has the same contents. */
static int write_inputs(const char *dir, const struct stagekeys *k, size_t stage, struct err *e)
{
	AUTO_WORDS struct words path = { 0 };
	struct out o;
	size_t i;

	if (words_addf(&path, "%s/%s.%.*s", dir, k->stages->v[stage].name, RUN_KEY_DIGITS, k->keys[stage]) < 0)
		return err_no_memory(e);
	if (access(path.v[0], F_OK) == 0)
		return 0;
	if (out_open(&o, path.v[0], 0666, e) < 0)
		return -1;
	for (i = 0; i < k->inputs[stage].n; i++)
		(void)fprintf(o.f, "%s\n", k->inputs[stage].v[i]);
	return out_commit(&o, e);
}

static int write_all(const struct request *r, const struct stagekeys *k, struct err *e)
{
	size_t i;

	if (r->inputs != NULL && mkdir(r->inputs, 0777) < 0 && errno != EEXIST)
		return err_sys(e, "%s", r->inputs);
	for (i = 0; r->inputs != NULL && i < k->stages->n; i++)
		if (write_inputs(r->inputs, k, i, e) < 0)
			return -1;
	return write_fragment(r, k, e);
}

static int check_abstract(const struct provider *p, struct err *e)
{
	if (!provider_is_abstract(p))
		return 0;
	return err_set(
	    e, "%s: an abstract provider: it can only be inherited, and has no stages of its own", p->files.v[0]);
}

static int compute_keys(const struct cli *c, const struct request *r, const char *dir)
{
	AUTO_PROVIDER struct provider p = { 0 };
	AUTO_STAGES struct stages s = { 0 };
	struct stagekeys k = { .provider = &p, .stages = &s, .top = r->top, .bin = r->bin };
	struct err e = { 0 };
	int code = EX_DONE;

	if (provider_load(&p, dir, &r->include, &e) < 0 || check_abstract(&p, &e) < 0 || stages_load(&s, &p, &e) < 0 ||
	    (r->versions != NULL && stageinputs_versions(&k.versions, r->versions, &e) < 0) ||
	    stageinputs_compute(&k, &e) < 0)
		code = cli_fail(c, EX_BAD_USAGE, &e);
	else if (write_all(r, &k, &e) < 0)
		code = cli_fail(c, EX_FAIL, &e);
	else
		cli_note(c, "%s: %zu stages", dir, s.n);
	stageinputs_free(&k);
	return code;
}

static int check_manifest(const char *file, const char *text, size_t n, struct err *e)
{
	AUTO_KUBEIMAGES struct kubeimages images = { 0 };

	return kubeimages_read(&images, file, text, n, e);
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* The keys of a provider derived from the provider in the first operand; the others are manifests. */
static int compute_derived(const struct cli *c, const struct request *r)
{
	AUTO_WORDS struct words manifests = { 0 };
	AUTO_FREE char *dir = NULL;
	struct derived d = { .base = c->argv[0],
		.images = or_empty(r->images),
		.source = or_empty(r->source),
		.cni = or_empty(r->cni),
		.include = &r->include,
		.files = c->argv + 1,
		.n = (size_t)c->argc - 1,
		.check = check_manifest };
	struct err e = { 0 };

	if (words_addf(&manifests, "%s/manifests", r->top) < 0)
		return cli_no_memory(c);
	d.manifests = manifests.v[0];
	return derived_make(&d, r->derive, &dir, &e) < 0 ? cli_fail(c, EX_BAD_USAGE, &e) : compute_keys(c, r, dir);
}

/* The arguments are OLD NEW, or DIR STAGE KEY. */
static int say_why(const struct cli *c)
{
	AUTO_WORDS struct words text = { 0 };
	struct err e = { 0 };
	size_t i;
	int rc;

	if (c->argc == 2)
		rc = why_differ(&text, c->argv[0], c->argv[1], &e);
	else
		rc = why_run(&text, c->argv[0], c->argv[1], c->argv[2], &e);
	if (rc < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	for (i = 0; i < text.n; i++)
		(void)puts(text.v[i]);
	return EX_DONE;
}

static int list_unused(const struct cli *c, const char *dir, char *const *runs, size_t n)
{
	AUTO_WORDS struct words unused = { 0 };
	struct err e = { 0 };
	size_t i;

	if (unused_list(&unused, dir, runs, n, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	for (i = 0; i < unused.n; i++)
		(void)puts(unused.v[i]);
	return EX_DONE;
}

/* Prints "CHECKPOINT WORD...", or nothing. */
static int say_start(const struct cli *c, const char *dir, const char *stage, const char *key)
{
	AUTO_WORDS struct words start = { 0 };
	struct err e = { 0 };
	size_t i;

	if (incremental_start(&start, dir, stage, key, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	for (i = 0; i < start.n; i++)
		(void)printf("%s%c", start.v[i], i + 1 < start.n ? ' ' : '\n');
	return EX_DONE;
}

static int run(struct cli *c, const struct request *r)
{
	if (r->why + r->incremental + r->unused > 1)
		return cli_usage(c, "only one of --why, --incremental and --unused can be given");
	if (r->why && c->argc != 2 && c->argc != 3)
		return cli_usage(c, "two inputs files, or a directory, a stage and a key are required");
	if (r->why)
		return say_why(c);
	if (r->incremental)
		return c->argc != 3 ? cli_usage(c, "a directory, a stage and a key are required")
				    : say_start(c, c->argv[0], c->argv[1], c->argv[2]);
	if (r->unused)
		return c->argc == 0 ? cli_usage(c, "a directory is required")
				    : list_unused(c, c->argv[0], c->argv + 1, (size_t)c->argc - 1);
	if (c->argc != 1 && (r->derive == NULL || c->argc == 0))
		return cli_usage(c, "exactly one provider directory is required");
	if ((r->images != NULL || r->source != NULL || r->cni != NULL) && r->derive == NULL)
		return cli_usage(c, "--images, --source and --cni need --derive");
	unfinished_catch_signals();
	if (r->derive != NULL)
		return compute_derived(c, r);
	return compute_keys(c, r, c->argv[0]);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &stagekey_tool, .argc = argc, .argv = argv };
	struct request r = { .top = "." };
	int code;

	code = cli_options(&c, NULL, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.include);
	return cli_end(&c, code);
}
