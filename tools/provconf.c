/* provconf: reads a provider.ini and the ones it inherits, an addon.ini or a module.ini; checks and prints the merged values. */
#include <glob.h>
#include <jansson.h>
#include <libgen.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "provider/addon.h"
#include "provider/module.h"
#include "provider/new_version.h"
#include "provider/print.h"
#include "provider/schema.h"
#include "stage/stages.h"
#include "stage/values.h"

enum { OPT_DIRS = OPT_LONG, OPT_ORIGIN, OPT_SCHEMA, OPT_STAGE, OPT_VERSIONS, OPT_INHERIT };

static const struct opt opts[] = {
	{ 'a', "addon", NULL, "read an add-on: addon.ini in DIR" },
	{ 'm', "module", NULL, "read a Go module: module.ini in DIR" },
	{ 'I', "include", "DIR", "also look in DIR for inherited providers" },
	{ 'g', "get", "SECTION.KEY", "print one value" },
	{ 'f', "format", "FORMAT", "ini (the default), make, sh or json" },
	{ 's', "section", "NAME", "only the values of this section" },
	{ 'l', "list", NULL, "print the providers in DIR that can be provisioned" },
	{ OPT_STAGE, "stage", "NAME", "sh: what the script of this stage may use" },
	{ OPT_DIRS, "dirs", NULL, "print the provider's directories, own first" },
	{ OPT_ORIGIN, "origin", NULL, "ini: add the file and line that set each value" },
	{ OPT_SCHEMA, "schema", NULL, "print the keys that such a file can have" },
	{ 'n', "new-version", "VERSION", "print provider.ini for this version of Kubernetes" },
	{ OPT_VERSIONS, "versions", "FILE", "-n: what differs between minor versions" },
	{ OPT_INHERIT, "inherited", NULL, "-n: print one that inherits the provider" },
	{ 'c', "check", NULL, "check, and print nothing" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	struct words include;
	const char *get, *format, *section, *stage, *new_version, *versions;
	bool inherited, addon, module, list, dirs, origin, schema, check;
};

static const struct opt_member members[] = {
	OPT_MEMBER('a', struct request, addon),
	OPT_MEMBER('m', struct request, module),
	OPT_MEMBER('g', struct request, get),
	OPT_MEMBER('f', struct request, format),
	OPT_MEMBER('s', struct request, section),
	OPT_MEMBER('l', struct request, list),
	OPT_MEMBER('n', struct request, new_version),
	OPT_MEMBER('c', struct request, check),
	OPT_MEMBER(OPT_STAGE, struct request, stage),
	OPT_MEMBER(OPT_DIRS, struct request, dirs),
	OPT_MEMBER(OPT_ORIGIN, struct request, origin),
	OPT_MEMBER(OPT_SCHEMA, struct request, schema),
	OPT_MEMBER(OPT_VERSIONS, struct request, versions),
	OPT_MEMBER(OPT_INHERIT, struct request, inherited),
	OPT_MEMBER('I', struct request, include),
	{ 0, 0, OPT_TEXT },
};

static const struct tool provconf_tool = {
	.name = "provconf",
	.synopsis = "[options] DIR",
	.about = "Check and print the settings of the provider in DIR, with what it inherits.",
	.opts = opts,
	.members = members,
};

/* A list as an array, an integer as a number, yes and no as booleans, all else as a string. NULL: out of memory. */
static json_t *json_value(const struct schema *schema, const struct provider_value *v)
{
	const struct schema_key *row = schema_find(schema, v->section, v->key, &(struct err){ 0 });
	AUTO_WORDS struct words words = { 0 };
	int64_t number;
	json_t *array;
	size_t i;

	if (row == NULL)
		return NULL;
	if (schema_is_list(row)) {
		array = words_split(&words, v->value) < 0 ? NULL : json_array();
		for (i = 0; i < words.n; i++)
			if (json_array_append_new(array, json_string(words.v[i])) < 0) {
				json_decref(array);
				return NULL;
			}
		return array;
	}
	if ((row->type == SCHEMA_INT || row->type == SCHEMA_COUNT) && num_parse(v->value, 0, INT32_MAX, &number) == 0)
		return json_integer(number);
	if (row->type == SCHEMA_BOOL && *v->value != '\0')
		return json_boolean(strcmp(v->value, "yes") == 0);
	return json_string(v->value);
}

/* The object NAME in PARENT, added if missing. NULL: out of memory. */
static json_t *json_inner(json_t *parent, const char *name)
{
	json_t *inner = json_object_get(parent, name);

	if (inner != NULL)
		return inner;
	return json_object_set_new(parent, name, json_object()) < 0 ? NULL : json_object_get(parent, name);
}

static int json_fill(json_t *root, const struct provider *p, const char *section)
{
	const struct provider_value *v;
	json_t *inner;
	size_t i;

	for (i = 0; i < p->nvalues; i++) {
		v = &p->values[i];
		if (section != NULL && strcmp(v->section, section) != 0)
			continue;
		if (strncmp(v->section, "stage ", 6) == 0) {
			inner = json_inner(root, "stage");
			inner = inner != NULL ? json_inner(inner, v->section + 6) : NULL;
		} else {
			inner = json_inner(root, v->section);
		}
		if (inner == NULL || json_object_set_new(inner, v->key, json_value(p->schema, v)) < 0)
			return -1;
	}
	return 0;
}

static int print_json(const struct provider *p, const char *section, struct err *e)
{
	json_t *root = json_object();
	int rc = -1;

	if (root != NULL && json_fill(root, p, section) == 0)
		rc = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(root);
	if (rc < 0)
		return err_set(e, "json: out of memory, or the output cannot be written");
	(void)putchar('\n');
	return 0;
}

/* Prints one value. A key that is not in the schema is a usage error, not a "no". */
static int print_one(const struct cli *c, const struct provider *p, const char *name)
{
	AUTO_FREE char *section = strdup(name);
	const char *value;
	struct err e = { 0 };
	char *dot;

	if (section == NULL)
		return cli_no_memory(c);
	/* "fetch FILE.url": the name in a section may have dots; the key does not. */
	dot = strchr(section, ' ') != NULL ? strrchr(section, '.') : strchr(section, '.');
	if (dot == NULL)
		return cli_usage(c, "'%s' is not SECTION.KEY", name);
	*dot = '\0';
	if (schema_find(p->schema, section, dot + 1, &e) == NULL)
		return cli_usage(c, "%s: %s", name, e.msg);
	value = provider_get(p, section, dot + 1);
	if (value == NULL)
		return EX_NO;
	(void)puts(value);
	return EX_DONE;
}

static int print_stage(const struct cli *c, const struct provider *p, const struct stages *stages, const char *name)
{
	const struct stage *stage = stages_find(stages, name);
	struct err e = { 0 };

	if (stage == NULL)
		return cli_usage(c, "no stage '%s'", name);
	return stage_values_print(stdout, p, stages, stage, &e) < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
}

static int print_values(const struct cli *c, const struct provider *p, const struct request *r)
{
	struct err e = { 0 };
	int rc;

	if (strcmp(r->format, "ini") == 0)
		rc = provprint_ini(stdout, p, r->section, r->origin, &e);
	else if (strcmp(r->format, "make") == 0)
		rc = provprint_make(stdout, p, r->section, &e);
	else if (strcmp(r->format, "sh") == 0)
		rc = provprint_sh(stdout, p, r->section, &e);
	else
		rc = print_json(p, r->section, &e);
	return rc < 0 ? cli_fail(c, EX_FAIL, &e) : EX_DONE;
}

static int print_new_version(const struct cli *c, const struct request *r, const struct provider *p)
{
	AUTO_FREE char *dir = strdup(p->dirs.v[0]);
	struct new_version v = { .from = p, .version = r->new_version, .table = r->versions };
	struct err e = { 0 };

	if (dir == NULL)
		return cli_no_memory(c);
	if (r->inherited)
		v.inherit = basename(dir);
	return new_version(stdout, &v, &e) < 0 ? cli_fail(c, EX_BAD_USAGE, &e) : EX_DONE;
}

static int print_dirs(const struct provider *p)
{
	size_t i;

	for (i = 0; i < p->dirs.n; i++)
		(void)puts(p->dirs.v[i]);
	return EX_DONE;
}

static bool is_provider(const struct request *r)
{
	return !r->addon && !r->module;
}

static int answer(const struct cli *c, const struct request *r, const char *dir)
{
	AUTO_PROVIDER struct provider p = { 0 };
	AUTO_STAGES struct stages s = { 0 };
	struct err e = { 0 };
	int rc;

	if (r->addon)
		rc = addon_load(&p, dir, &e);
	else if (r->module)
		rc = module_load(&p, dir, &e);
	else
		rc = provider_load(&p, dir, &r->include, &e);
	/* An abstract provider's stages may be incomplete: the providers that inherit it complete them. */
	if (rc == 0 && is_provider(r) && !provider_is_abstract(&p))
		rc = stages_load(&s, &p, &e);
	if (rc < 0)
		return cli_fail(c, EX_BAD_USAGE, &e);
	cli_note(c, "%s: %zu values, %zu stages", dir, p.nvalues, s.n);
	if (r->check)
		return EX_DONE;
	if (r->dirs)
		return print_dirs(&p);
	if (r->stage != NULL)
		return print_stage(c, &p, &s, r->stage);
	if (r->new_version != NULL)
		return print_new_version(c, r, &p);
	return r->get != NULL ? print_one(c, &p, r->get) : print_values(c, &p, r);
}

/* Can the provider in DIR be provisioned: is it valid, and not abstract? Otherwise verbose says why not. */
static bool can_provision(const struct cli *c, const struct request *r, const char *dir)
{
	AUTO_PROVIDER struct provider p = { 0 };
	AUTO_STAGES struct stages s = { 0 };
	struct err e = { 0 };

	if (provider_load(&p, dir, &r->include, &e) == 0 && !provider_is_abstract(&p) && stages_load(&s, &p, &e) == 0)
		return true;
	cli_note(c, "%s: %s", dir, *e.msg != '\0' ? e.msg : "an abstract provider");
	return false;
}

static int list_providers(const struct cli *c, const struct request *r, const char *dir)
{
	AUTO_FREE char *pattern = NULL;
	glob_t found;
	size_t i;

	if (asprintf(&pattern, "%s/*/provider.ini", dir) < 0) {
		pattern = NULL;
		return cli_no_memory(c);
	}
	if (glob(pattern, 0, NULL, &found) != 0)
		return EX_DONE;
	for (i = 0; i < found.gl_pathc; i++) {
		*strrchr(found.gl_pathv[i], '/') = '\0';
		if (can_provision(c, r, found.gl_pathv[i]))
			(void)puts(strrchr(found.gl_pathv[i], '/') + 1);
	}
	globfree(&found);
	return EX_DONE;
}

static const struct schema *schema_of(const struct request *r)
{
	if (r->module)
		return &schema_module;
	return r->addon ? &schema_addon : &schema_provider;
}

static int check_request(const struct cli *c, const struct request *r)
{
	AUTO_WORDS struct words formats = { 0 };
	struct err e = { 0 };

	if (words_split(&formats, "ini make sh json") < 0)
		return cli_no_memory(c);
	if (!words_has(&formats, r->format))
		return cli_usage(c, "unknown format '%s'", r->format);
	if ((r->get != NULL) + r->list + (r->stage != NULL) + r->dirs + r->schema + r->check +
		(r->new_version != NULL) >
	    1)
		return cli_usage(
		    c, "only one of --get, --list, --stage, --dirs, --schema, --check and --new-version can be given");
	if (r->addon && r->module)
		return cli_usage(c, "only one of --addon and --module can be given");
	if (r->stage != NULL && (!is_provider(r) || r->section != NULL || strcmp(r->format, "sh") != 0))
		return cli_usage(c, "--stage needs the format sh, and none of --addon, --module and --section");
	if ((r->list || r->new_version != NULL) && !is_provider(r))
		return cli_usage(c, "--list and --new-version are for providers");
	if (r->origin && strcmp(r->format, "ini") != 0)
		return cli_usage(c, "--origin needs the format ini");
	if (r->section != NULL && schema_section(schema_of(r), r->section, &e) < 0)
		return cli_usage(c, "%s: %s", r->section, e.msg);
	if (r->schema && c->argc != 0)
		return cli_usage(c, "--schema takes no directory");
	if (!r->schema && c->argc != 1)
		return cli_usage(c, "exactly one directory is required");
	return EX_DONE;
}

static int run(const struct cli *c, const struct request *r)
{
	int code = check_request(c, r);

	if (code != EX_DONE)
		return code;
	if (r->list)
		return list_providers(c, r, c->argv[0]);
	if (!r->schema)
		return answer(c, r, c->argv[0]);
	provprint_schema(stdout, schema_of(r));
	return EX_DONE;
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &provconf_tool, .argc = argc, .argv = argv };
	struct request r = { .format = "ini" };
	int code;

	code = cli_options(&c, NULL, &r) == CLI_EXIT ? c.exit_code : run(&c, &r);
	words_free(&r.include);
	return cli_end(&c, code);
}
