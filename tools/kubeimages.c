/* kubeimages: lists the images that Kubernetes manifests name, and checks that none would be pulled. */
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/readfile.h"
#include "base/words.h"
#include "kube/images.h"

enum { OPT_JSON = OPT_LONG };

static const struct opt opts[] = {
	{ 'c', "check", NULL, "print images that would be pulled; exit 3 if any" },
	{ 'd', "declared", "FILE", "also check that every image is a line of FILE" },
	{ 'l', "long", NULL, "also print the object that names each image" },
	{ OPT_JSON, "json", NULL, "print an array of objects" },
	{ 0, NULL, NULL, NULL },
};

static const struct tool kubeimages_tool = {
	.name = "kubeimages",
	.synopsis = "[options] [FILE...]",
	.about = "Print the images named in Kubernetes manifests (FILEs or standard input).",
	.opts = opts,
};

struct request {
	const char *declared;
	bool check, wide, json;
};

/* Are A and B the same image, named in the same place? */
static bool same(const struct kubeimage *a, const struct kubeimage *b)
{
	return strcmp(a->image, b->image) == 0 && strcmp(a->object, b->object) == 0 && strcmp(a->part, b->part) == 0;
}

static int print_json(const struct kubeimages *k, struct err *e)
{
	json_t *root = json_array(), *o;
	int rc = root == NULL ? -1 : 0;
	size_t i;

	for (i = 0; i < k->n && rc == 0; i++) {
		o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "image", k->v[i].image, "object", k->v[i].object,
		    "part", k->v[i].part, "file", k->v[i].file, "always", k->v[i].always, "latest", k->v[i].latest);
		rc = json_array_append_new(root, o);
	}
	if (rc == 0)
		rc = json_dumpf(root, stdout, JSON_INDENT(2));
	json_decref(root);
	if (rc < 0)
		return err_set(e, "json: out of memory, a name that is not UTF-8, or the output cannot be written");
	(void)putchar('\n');
	return 0;
}

static void print_list(const struct kubeimages *k, bool wide)
{
	const struct kubeimage *v;
	size_t i;

	for (i = 0; i < k->n; i++) {
		v = &k->v[i];
		if (wide && (i == 0 || !same(v, v - 1)))
			(void)printf("%s\t%s\t%s\t%s\n", v->image, v->object, v->part, v->file);
		else if (!wide && (i == 0 || strcmp(v->image, v[-1].image) != 0))
			(void)puts(v->image);
	}
}

/* Prints each problem. Returns EX_DONE, EX_NO, or EX_BAD_USAGE with E. */
static int check(const struct kubeimages *k, const char *declared, struct err *e)
{
	AUTO_WORDS struct words list = { 0 };
	int code = EX_DONE;
	const struct kubeimage *v;
	const char *what[3];
	size_t i, j, n;

	if (declared != NULL && read_file_words(declared, &list, e) < 0)
		return EX_BAD_USAGE;
	for (i = 0; i < k->n; i++) {
		v = &k->v[i];
		n = 0;
		if (i > 0 && same(v, v - 1) && v->always == v[-1].always)
			continue;
		if (v->always)
			what[n++] = "imagePullPolicy is Always";
		if (v->latest)
			what[n++] = "has neither a digest nor a tag other than latest";
		if (declared != NULL && !words_has(&list, v->image))
			what[n++] = "is not declared";
		for (j = 0; j < n; j++)
			(void)printf("%s: %s: %s: %s: %s\n", v->file, v->object, v->part, v->image, what[j]);
		code = n > 0 ? EX_NO : code;
	}
	return code;
}

static int read_all(struct kubeimages *k, const struct cli *c, struct err *e)
{
	const char *path;
	size_t n;
	int i = 0;

	do {
		AUTO_FREE char *data = NULL;

		path = c->argc > 0 ? c->argv[i] : "-";
		if (read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, READ_FILE_MAX, &data, &n, e) < 0)
			return -1;
		if (kubeimages_read(k, path, data, n, e) < 0)
			return -1;
	} while (++i < c->argc);
	kubeimages_sort(k);
	return 0;
}

static int answer(const struct cli *c, const struct request *r)
{
	AUTO_KUBEIMAGES struct kubeimages k = { 0 };
	struct err e = { 0 };
	int code;

	if (read_all(&k, c, &e) < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	cli_note(c, "%zu images named", k.n);
	if (r->check || r->declared != NULL) {
		code = check(&k, r->declared, &e);
		return code == EX_BAD_USAGE ? cli_fail(c, code, &e) : code;
	}
	if (r->json)
		return print_json(&k, &e) < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
	print_list(&k, r->wide);
	return EX_DONE;
}

static int take_option(struct cli *c, int id, void *arg)
{
	struct request *r = arg;

	if (id == 'c')
		r->check = true;
	else if (id == 'd')
		r->declared = c->arg;
	else if (id == 'l')
		r->wide = true;
	else
		r->json = true;
	return EX_DONE;
}

static int run(const struct cli *c, const struct request *r)
{
	if ((r->check || r->declared != NULL) + r->wide + r->json > 1)
		return cli_usage(c, "only one of --check, --long and --json can be given");
	return answer(c, r);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &kubeimages_tool, .argc = argc, .argv = argv };
	struct request r = { 0 };
	int code;

	code = cli_options(&c, take_option, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	return cli_end(&c, code);
}
