#include "provider/stage_inputs.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/readfile.h"
#include "base/utf8.h"
#include "base/version.h"
#include "provider/input_files.h"
#include "provider/schema.h"
#include "provider/script_refs.h"

static int take_version(struct words *versions, char *line, const char *path, int number, struct err *e)
{
	size_t len = strcspn(line, "\n"), name = strcspn(line, " ");

	line[len] = '\0';
	if (len == 0)
		return 0;
	if (!utf8_is_line(line) || name == 0 || name + 1 >= len)
		return err_set(e, "%s:%d: is not NAME VERSION", path, number);
	return words_add(versions, line) < 0 ? err_no_memory(e) : 0;
}

int stageinputs_versions(struct words *versions, const char *path, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	int number = 0;

	if (f == NULL)
		return err_sys(e, "%s", path);
	while (getline(&line, &room, f) >= 0)
		if (take_version(versions, line, path, ++number, e) < 0)
			return -1;
	return ferror(f) ? err_sys(e, "%s", path) : 0;
}

/* Moves what SORTED holds to the end of LINES, in order. */
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

/* Adds the values of SECTION; with KEY, only that one. */
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

/* What the stage's own section says, but for what cannot change its result; its needs count as they were resolved. */
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

/* Cuts "SECTION.KEY" in two and checks that both exist. Returns KEY, or NULL. */
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

/* What is gathered of a stage, a list for each kind of line, and the files whose text may refer to more. */
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
	return inputfiles_add(&g->files, &g->scripts, &k->provider->dirs, k->top, name, e);
}

/* LIST is SECTION.KEY:PATTERN: the files of the pattern, once for each word of the key's value in place of the %. */
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

/* Is there a file TOP/DIR NAME SUFFIX, these three joined? */
static bool exists(const char *top, const char *dir, const char *name, const char *suffix)
{
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s%s%s", top, dir, name, suffix) < 0) {
		path = NULL;
		return false;
	}
	return access(path, F_OK) == 0;
}

/* The tool NAME is ours: what counts is the program as it was compiled, and so its sources, the compiler and its
 * options. */
static int add_own_tool(const struct stagekeys *k, struct words *tools, const char *name, struct err *e)
{
	AUTO_FREE char *program = NULL;
	char hex[SHA256_HEX];

	if (k->bin == NULL)
		return words_addf(tools, "tool %s %s", name, KS_VERSION) < 0 ? err_no_memory(e) : 0;
	if (asprintf(&program, "%s/%s", k->bin, name) < 0) {
		program = NULL;
		return err_no_memory(e);
	}
	if (sha256_file(program, hex, NULL, e) < 0)
		return -1;
	return words_addf(tools, "tool %s %s", name, hex) < 0 ? err_no_memory(e) : 0;
}

static bool is_own_tool(const struct stagekeys *k, const char *name)
{
	return exists(k->top, "tools/", name, ".c");
}

/* Every tool of ours; what is preloaded into other programs is a library. */
static int add_all_tools(const struct stagekeys *k, struct words *tools, struct err *e)
{
	static const struct {
		const char *dir, *suffix;
	} kinds[] = { { "tools", "" }, { "tools/preload", ".so" } };
	AUTO_FREE char *pattern = NULL;
	char name[NAME_MAX + 4];
	const char *base;
	glob_t found;
	size_t i, n;
	int rc = 0;

	for (n = 0; n < sizeof kinds / sizeof *kinds && rc == 0; n++) {
		free(pattern);
		if (asprintf(&pattern, "%s/%s/*.c", k->top, kinds[n].dir) < 0) {
			pattern = NULL;
			return err_no_memory(e);
		}
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (i = 0; i < found.gl_pathc && rc == 0; i++) {
			base = strrchr(found.gl_pathv[i], '/') + 1;
			(void)snprintf(name, sizeof name, "%.*s%s", (int)(strlen(base) - 2), base, kinds[n].suffix);
			rc = add_own_tool(k, tools, name, e);
		}
		globfree(&found);
	}
	return rc;
}

static int add_tool(const struct stagekeys *k, struct words *tools, const char *name, struct err *e)
{
	const char *version = "none";
	size_t i, len = strlen(name);

	if (strcmp(name, "all") == 0)
		return add_all_tools(k, tools, e);
	if (is_own_tool(k, name))
		return add_own_tool(k, tools, name, e);
	for (i = 0; i < k->versions.n; i++)
		if (strncmp(k->versions.v[i], name, len) == 0 && k->versions.v[i][len] == ' ')
			version = k->versions.v[i] + len + 1;
	return words_addf(tools, "tool %s %s", name, version) < 0 ? err_no_memory(e) : 0;
}

/* Longer files are data, not scripts. */
#define SCRIPT_MAX ((size_t)1 << 20)

/* Adds what the script PATH refers to: other scripts come to the end of SCRIPTS, and their turn. */
static int add_refs(const struct stagekeys *k, struct gathered *g, const char *path, struct words *seen, struct err *e)
{
	AUTO_WORDS struct words paths = { 0 }, tools = { 0 };
	AUTO_FREE char *text = NULL, *name = NULL;
	struct err none;
	size_t i, n;

	if (read_file(path, SCRIPT_MAX, &text, &n, &none) < 0)
		return 0;
	if (script_refs(text, n, &paths, &tools, e) < 0)
		return -1;
	for (i = 0; i < paths.n; i++) {
		if (words_has(seen, paths.v[i]) || !exists(k->top, "", paths.v[i], ""))
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
		if (is_own_tool(k, tools.v[i]) && add_own_tool(k, &g->tools, tools.v[i], e) < 0)
			return -1;
	return 0;
}

/* Follows the stage's script, and every file that it depends on, to the scripts and tools that they run. */
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
	if (words_addf(needs, "need %s %s", name, k->keys[need - k->stages->v]) < 0)
		return err_no_memory(e);
	return 0;
}

/* The words of one key of the stage, each turned into lines; errors name the key's place. */
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
		else if (strcmp(key, "files") == 0)
			rc = add_file(k, g, words.v[i], &why);
		else if (strcmp(key, "incremental_files") == 0)
			rc = add_list(k, g, words.v[i], &why);
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

static int hash(const struct words *lines, char key[SHA256_HEX], struct err *e)
{
	struct sha256 *s = sha256_new();
	size_t i;

	for (i = 0; s != NULL && i < lines->n; i++)
		if (sha256_add(s, lines->v[i], strlen(lines->v[i])) < 0 || sha256_add(s, "\n", 1) < 0) {
			sha256_free(s);
			return err_set(e, "sha256 failed");
		}
	return s == NULL || sha256_end(s, key) < 0 ? err_set(e, "sha256 failed") : 0;
}

int stageinputs_compute(struct stagekeys *k, struct err *e)
{
	size_t i;

	k->keys = calloc(k->stages->n + 1, sizeof *k->keys);
	k->inputs = calloc(k->stages->n + 1, sizeof *k->inputs);
	if (k->keys == NULL || k->inputs == NULL)
		return err_no_memory(e);
	for (i = 0; i < k->stages->n; i++)
		if (gather(k, &k->stages->v[i], &k->inputs[i], e) < 0 || hash(&k->inputs[i], k->keys[i], e) < 0)
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
	words_free(&k->versions);
	k->inputs = NULL;
	k->keys = NULL;
}
