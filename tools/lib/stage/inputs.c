#include "stage/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/readfile.h"
#include "base/utf8.h"
#include "base/version.h"
#include "provider/schema.h"
#include "stage/files.h"
#include "stage/script_refs.h"
#include "stage/tool_inputs.h"

static int take_version(char *line, void *versions, struct err *e)
{
	size_t name = strcspn(line, " ");

	if (!utf8_is_line(line) || name == 0 || name + 1 >= strlen(line))
		return err_set(e, "is not NAME VERSION");
	return words_add(versions, line) < 0 ? err_no_memory(e) : 0;
}

int stageinputs_versions(struct words *versions, const char *path, struct err *e)
{
	return read_file_lines(path, take_version, versions, e);
}

/* Sorts SORTED and appends it to LINES. */
static int add_sorted(struct words *lines, struct words *sorted, struct err *e)
{
	size_t i;

	words_sort(sorted);
	for (i = 0; i < sorted->n; i++)
		if (words_add(lines, sorted->v[i]) < 0)
			return err_no_memory(e);
	return 0;
}

static int add_script(struct words *lines, const struct stage *s, struct err *e)
{
	char hex[SHA256_HEX];

	if (sha256_file(s->script, hex, NULL, e) < 0)
		return -1;
	return words_addf(lines, "script stage/%s %s", s->name, hex) < 0 ? err_no_memory(e) : 0;
}

/* Adds the values of SECTION, or only that of KEY. */
static int add_section(
    struct words *conf, const struct provider *p, const char *section, const char *key, struct err *e)
{
	const struct provider_value *v;
	size_t i;

	for (i = 0; i < p->nvalues; i++) {
		v = &p->values[i];
		if (strcmp(v->section, section) != 0 || (key != NULL && strcmp(v->key, key) != 0))
			continue;
		if (words_addf(conf, "conf %s.%s=%s", v->section, v->key, v->value) < 0)
			return err_no_memory(e);
	}
	return 0;
}

/* Adds the stage's own section without what cannot change the result; "needs" is covered by the lines of kind need. */
static int add_own_section(struct words *conf, const struct provider *p, const struct stage *s, struct err *e)
{
	static const char *const left_out[] = { "title", "timeout", "enabled", "needs" };
	const struct provider_value *v;
	size_t i, k;

	for (i = 0; i < p->nvalues; i++) {
		v = &p->values[i];
		if (strcmp(v->section, s->section) != 0)
			continue;
		for (k = 0; k < sizeof left_out / sizeof *left_out && strcmp(v->key, left_out[k]) != 0; k++)
			continue;
		if (k == sizeof left_out / sizeof *left_out && add_section(conf, p, s->section, v->key, e) < 0)
			return -1;
	}
	return 0;
}

/* Splits "SECTION.KEY" in place and checks it against the schema. Returns KEY, or NULL. */
static const char *split_key(const struct schema *schema, char *name, struct err *e)
{
	char *dot = strchr(name, '.');

	if (dot == NULL) {
		(void)err_set(e, "'%s' is not SECTION.KEY", name);
		return NULL;
	}
	*dot = '\0';
	if (schema_find(schema, name, dot + 1, e) != NULL)
		return dot + 1;
	(void)err_prefix(e, "'%s.%s'", name, dot + 1);
	return NULL;
}

static int add_named_section(struct words *conf, const struct provider *p, char *name, struct err *e)
{
	const char *key = NULL;

	if (strchr(name, '.') == NULL) {
		if (schema_section(p->schema, name, e) < 0)
			return err_prefix(e, "'%s'", name);
	} else {
		key = split_key(p->schema, name, e);
		if (key == NULL)
			return -1;
	}
	return add_section(conf, p, name, key, e);
}

/* The inputs of a stage: a list for each kind of line, and the paths of the files, which may be scripts. */
struct gathered {
	struct words conf, files, tools, needs;
	struct words scripts;
};

static void gathered_free(struct gathered *g)
{
	words_free(&g->conf);
	words_free(&g->files);
	words_free(&g->tools);
	words_free(&g->needs);
	words_free(&g->scripts);
}

static int add_file(const struct stagekeys *k, struct gathered *g, const char *name, struct err *e)
{
	return stagefiles_add(&g->files, &g->scripts, &k->provider->dirs, k->top, name, e);
}

/* Is NAME a pattern that depends on a value, SECTION.KEY:PATTERN, not the name of a file? */
static bool is_list(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon != NULL && strchr(colon, '%') != NULL;
}

/* LIST is SECTION.KEY:PATTERN. Adds the files of PATTERN with each word of the key's value in place of %. */
static int add_list(const struct stagekeys *k, struct gathered *g, char *list, struct err *e)
{
	AUTO_WORDS struct words names = { 0 }, patterns = { 0 };
	char *pattern = strchr(list, ':'), *percent;
	const char *key, *value;
	size_t i;

	percent = pattern != NULL ? strchr(pattern, '%') : NULL;
	if (percent == NULL)
		return err_set(e, "'%s' is not SECTION.KEY:PATTERN with a %% in the pattern", list);
	*pattern++ = '\0';
	*percent++ = '\0';
	key = split_key(k->provider->schema, list, e);
	if (key == NULL)
		return -1;
	value = provider_get(k->provider, list, key);
	if (value != NULL && words_split(&names, value) < 0)
		return err_no_memory(e);
	for (i = 0; i < names.n; i++) {
		if (words_addf(&patterns, "%s%s%s", pattern, names.v[i], percent) < 0)
			return err_no_memory(e);
		if (add_file(k, g, patterns.v[i], e) < 0)
			return err_prefix(e, "'%s' of %s.%s", names.v[i], list, key);
	}
	return 0;
}

static int add_tool(const struct stagekeys *k, struct words *tools, const char *name, struct err *e)
{
	const struct tool_inputs t = { k->top, k->bin, &k->versions };

	return tool_inputs_add(&t, tools, name, e);
}

/* Longer files are data, not scripts. */
#define SCRIPT_MAX ((size_t)1 << 20)

/* Adds what the script PATH refers to. Scripts that it refers to are appended to SCRIPTS. */
static int add_refs(const struct stagekeys *k, struct gathered *g, const char *path, struct words *seen, struct err *e)
{
	AUTO_WORDS struct words paths = { 0 }, tools = { 0 };
	const struct tool_inputs t = { k->top, k->bin, &k->versions };
	AUTO_FREE char *text = NULL, *name = NULL;
	struct err none;
	size_t i, n;

	if (read_file(path, SCRIPT_MAX, &text, &n, &none) < 0)
		return 0;
	if (script_refs(text, n, &paths, &tools, e) < 0)
		return -1;
	for (i = 0; i < paths.n; i++) {
		if (words_has(seen, paths.v[i]))
			continue;
		free(name);
		if (words_add(seen, paths.v[i]) < 0 || asprintf(&name, "-/%s", paths.v[i]) < 0) {
			name = NULL;
			return err_no_memory(e);
		}
		if (add_file(k, g, name, e) < 0)
			return err_prefix(e, "%s", path);
	}
	for (i = 0; i < tools.n; i++)
		if (tool_is_own(&t, tools.v[i]) && add_tool(k, &g->tools, tools.v[i], e) < 0)
			return -1;
	return 0;
}

/* Adds the scripts and tools that the stage's script and files refer to, directly or not. */
static int add_all_refs(const struct stagekeys *k, const struct stage *s, struct gathered *g, struct err *e)
{
	AUTO_WORDS struct words seen = { 0 };
	size_t i;

	if (add_refs(k, g, s->script, &seen, e) < 0)
		return -1;
	for (i = 0; i < g->scripts.n; i++)
		if (add_refs(k, g, g->scripts.v[i], &seen, e) < 0)
			return -1;
	return 0;
}

static int add_need(const struct stagekeys *k, struct words *needs, const char *name, struct err *e)
{
	const struct stage *need = stages_find(k->stages, name);

	if (need == NULL)
		return err_set(e, "no stage '%s'", name);
	if (words_addf(needs, "need %s %s", name, k->needed[need - k->stages->v]) < 0)
		return err_no_memory(e);
	return 0;
}

/* Adds the lines for each word of one key of the stage to OUT. Errors give the key's file and line. */
static int add_words(
    const struct stagekeys *k, const struct stage *s, const char *key, struct gathered *g, struct err *e)
{
	const struct provider_value *v = provider_find(k->provider, s->section, key);
	AUTO_WORDS struct words words = { 0 };
	struct err why = { 0 };
	size_t i;
	int rc = 0;

	if (v != NULL && words_split(&words, v->value) < 0)
		return err_no_memory(e);
	for (i = 0; i < words.n && rc == 0; i++)
		if (strcmp(key, "sections") == 0)
			rc = add_named_section(&g->conf, k->provider, words.v[i], &why);
		else if (strcmp(key, "incremental_files") == 0 || (strcmp(key, "files") == 0 && is_list(words.v[i])))
			rc = add_list(k, g, words.v[i], &why);
		else if (strcmp(key, "files") == 0)
			rc = add_file(k, g, words.v[i], &why);
		else
			rc = add_tool(k, &g->tools, words.v[i], &why);
	return rc < 0 ? provider_err(e, v, "%s", why.msg) : 0;
}

static int gather_kinds(const struct stagekeys *k, const struct stage *s, struct gathered *g, struct err *e)
{
	size_t i;

	if (add_own_section(&g->conf, k->provider, s, e) < 0 || add_words(k, s, "sections", g, e) < 0 ||
	    add_words(k, s, "files", g, e) < 0 || add_words(k, s, "incremental_files", g, e) < 0 ||
	    add_words(k, s, "tools", g, e) < 0 || add_all_refs(k, s, g, e) < 0)
		return -1;
	for (i = 0; i < s->needs.n; i++)
		if (add_need(k, &g->needs, s->needs.v[i], e) < 0)
			return -1;
	return 0;
}

/* All lines of the stage. Its needs have their keys already. */
static int gather(const struct stagekeys *k, const struct stage *s, struct words *lines, struct err *e)
{
	struct gathered g = { 0 };
	int rc;

	if (words_addf(lines, "stage %s", s->name) < 0)
		return err_no_memory(e);
	rc = add_script(lines, s, e) < 0 || gather_kinds(k, s, &g, e) < 0 || add_sorted(lines, &g.conf, e) < 0 ||
		     add_sorted(lines, &g.files, e) < 0 || add_sorted(lines, &g.tools, e) < 0 ||
		     add_sorted(lines, &g.needs, e) < 0
		 ? -1
		 : 0;
	gathered_free(&g);
	return rc;
}

/* Hashes LINES, without those of kind tool unless TOOLS. */
static int hash(const struct words *lines, bool tools, char key[SHA256_HEX], struct err *e)
{
	struct sha256 *s = sha256_new();
	size_t i;

	for (i = 0; s != NULL && i < lines->n; i++) {
		if (!tools && strncmp(lines->v[i], "tool ", strlen("tool ")) == 0)
			continue;
		if (sha256_add(s, lines->v[i], strlen(lines->v[i])) < 0 || sha256_add(s, "\n", 1) < 0) {
			sha256_free(s);
			return err_set(e, "sha256 failed");
		}
	}
	return s == NULL || sha256_end(s, key) < 0 ? err_set(e, "sha256 failed") : 0;
}

/* Stages that need this one name the tools that they take from it. */
static bool has_tools_by_name(const struct stagekeys *k, const struct stage *s)
{
	const char *value = provider_get(k->provider, s->section, "tools_by_name");

	return value != NULL && strcmp(value, "yes") == 0;
}

static int compute_stage(struct stagekeys *k, size_t i, struct err *e)
{
	const struct stage *s = &k->stages->v[i];

	if (gather(k, s, &k->inputs[i], e) < 0 || hash(&k->inputs[i], true, k->keys[i], e) < 0)
		return -1;
	return hash(&k->inputs[i], !has_tools_by_name(k, s), k->needed[i], e);
}

int stageinputs_compute(struct stagekeys *k, struct err *e)
{
	size_t i;

	k->keys = calloc(k->stages->n + 1, sizeof *k->keys);
	k->needed = calloc(k->stages->n + 1, sizeof *k->needed);
	k->inputs = calloc(k->stages->n + 1, sizeof *k->inputs);
	if (k->keys == NULL || k->needed == NULL || k->inputs == NULL)
		return err_no_memory(e);
	for (i = 0; i < k->stages->n; i++)
		if (compute_stage(k, i, e) < 0)
			return -1;
	return 0;
}

void stageinputs_free(struct stagekeys *k)
{
	size_t i;

	for (i = 0; k->inputs != NULL && i < k->stages->n; i++)
		words_free(&k->inputs[i]);
	free(k->inputs);
	free(k->keys);
	free(k->needed);
	words_free(&k->versions);
	k->inputs = NULL;
	k->needed = NULL;
	k->keys = NULL;
}
