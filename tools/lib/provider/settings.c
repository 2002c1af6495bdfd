#include "provider/settings.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/words.h"

struct setting {
	const char *name;
	const char *pattern; /* an extended regular expression for the whole value; NULL: any */
	const char *words;   /* that in words, for errors */
	const char *initial; /* the default; NULL: none */
	const char *node;    /* the key of [node] in provider.ini whose value is the default; it may be unknown */
	const char *absent;  /* where the value will come from if there is none yet; NULL: "default", or unknown without
				a pattern */
	const char *detected; /* the origin of a value that the caller, not the user, has given */
	bool not_of_user;     /* make has no such variable */
	bool list;            /* words with commas or blanks between them */
};

/* 1 to 65535. */
#define PORT "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
#define SIZE "0*[1-9][0-9]*[KMGT]?"

/* In the order of a cluster's conf. A setting without a default must have a value, unless its pattern matches "". */
static const struct setting table[] = {
	{ .name = "CLUSTER",
	    .pattern = "[a-z0-9][a-z0-9.-]*",
	    .words = "lower-case letters, digits, '.' and '-' only" },
	{ .name = "PROVIDER", .detected = "default", .absent = "the image" },
	{ .name = "IMAGE", .detected = "the provider's own" },
	{ .name = "IMAGE_ID", .not_of_user = true },
	{ .name = "kubernetes_version", .not_of_user = true },
	{ .name = "ENGINE",
	    .pattern = "(podman|docker)?",
	    .words = "podman or docker",
	    .absent = "the first that works",
	    .detected = "detected" },
	{ .name = "ACCEL", .pattern = "(kvm|tcg)?", .words = "kvm or tcg", .detected = "detected" },
	{ .name = "NODES", .pattern = "[1-9][0-9]?", .words = "a number from 1 to 99" },
	{ .name = "NICS", .pattern = "[0-9]{1,2}", .words = "a number from 0 to 99", .initial = "0" },
	{ .name = "MEMORY",
	    .pattern = SIZE,
	    .words = "a size such as 4096M or 4G",
	    .node = "memory",
	    .absent = "the image" },
	{ .name = "CPUS",
	    .pattern = "[1-9][0-9]{0,2}",
	    .words = "a number from 1 to 999",
	    .node = "cpus",
	    .absent = "the image" },
	{ .name = "DISK", .pattern = SIZE, .words = "a size such as 20G", .node = "disk", .absent = "the image" },
	{ .name = "API_PORT", .pattern = PORT "?", .words = "a port number" },
	{ .name = "REGISTRY_PORT", .pattern = PORT "?", .words = "a port number" },
	{ .name = "SSH_PORT", .pattern = PORT "?", .words = "a port number" },
	{ .name = "PUBLISH",
	    .pattern = " *((" PORT ":)?" PORT "( +|$))*",
	    .words = "ports of node01, PORT or HOST-PORT:PORT" },
	{ .name = "WITH", .pattern = "[A-Za-z0-9._, -]*", .words = "names of add-ons", .list = true },
	{ .name = "BOOT_TIMEOUT", .pattern = "([1-9][0-9]{0,4})?", .words = "a number of seconds" },
	{ .name = "RESUME", .pattern = "(auto|always|never)", .words = "auto, always or never", .initial = "auto" },
	{ .name = "STATES", .pattern = "[0-9]{1,4}", .words = "a number", .initial = "6" },
	{ .name = "STATE_DIR", .not_of_user = true },
};

#define N_SETTINGS (sizeof table / sizeof *table)

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

/* Where make got the value of NAME; NULL: it is a default. TEXT is room for the answer. */
static const char *origin_in_make(const char *name, char text[128], struct err *e)
{
	AUTO_WORDS struct words line = { 0 }, words = { 0 };
	const char *origin = NULL;
	size_t n = strlen(name), i;

	if (words_split(&line, environment("SETTINGS_FROM_COMMAND_LINE")) < 0 ||
	    words_split(&words, environment("SETTINGS_FROM_ENVIRONMENT")) < 0) {
		(void)err_no_memory(e);
		return NULL;
	}
	if (words_has(&line, name))
		origin = "command line";
	for (i = 0; i < words.n; i++)
		if (strcmp(words.v[i], name) == 0) {
			origin = "environment";
		} else if (strncmp(words.v[i], name, n) == 0 && words.v[i][n] == ':') {
			(void)snprintf(text, 128, "environment (%s)", words.v[i] + n + 1);
			origin = text;
		}
	return origin;
}

int settings_from_environment(struct conf *source, struct err *e)
{
	const char *image = environment("IMAGE_FROM"), *value, *origin;
	const struct setting *s;
	char text[128];

	for (s = table; s < table + N_SETTINGS; s++) {
		value = strcmp(s->name, "IMAGE") == 0 ? image : environment(s->name);
		if (*value == '\0' || s->not_of_user || (*image != '\0' && strcmp(s->name, "PROVIDER") == 0))
			continue;
		e->msg[0] = '\0';
		origin = origin_in_make(s->name, text, e);
		if (e->msg[0] != '\0' || conf_set(source, s->name, value, origin != NULL ? origin : "default", e) < 0)
			return -1;
	}
	return 0;
}

static const struct setting *setting_find(const char *name, size_t n)
{
	const struct setting *s;

	for (s = table; s < table + N_SETTINGS; s++)
		if (strncmp(s->name, name, n) == 0 && s->name[n] == '\0')
			return s;
	return NULL;
}

static int add_word(struct conf *source, const char *word, struct err *e)
{
	const char *equals = strchrnul(word, '='), *image = environment("IMAGE_FROM"), *origin;
	const struct setting *s = setting_find(word, (size_t)(equals - word));
	char text[128];

	if (*equals == '\0' || s == NULL)
		return err_set(e, "%s: not a setting of the form NAME=VALUE", word);
	e->msg[0] = '\0';
	if (*image != '\0' && strcmp(s->name, "IMAGE") == 0)
		origin = image;
	else if (*image != '\0' && strcmp(s->name, "PROVIDER") == 0)
		origin = "image";
	else if ((origin = origin_in_make(s->name, text, e)) == NULL)
		origin = s->detected;
	return e->msg[0] != '\0' ? -1 : conf_set(source, s->name, equals + 1, origin, e);
}

int settings_from_words(struct conf *source, char *const words[], size_t n, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (add_word(source, words[i], e) < 0)
			return -1;
	return 0;
}

/* The value of [node] KEY. */
static int add_node(struct conf *source, const struct setting *s, const struct conf *image,
    const struct provider *provider, struct err *e)
{
	const struct provider_value *here = provider != NULL ? provider_find(provider, "node", s->node) : NULL;
	const struct conf_line *line;
	AUTO_WORDS struct words text = { 0 };

	if (words_addf(&text, "node_%s", s->node) < 0 ||
	    (here != NULL && words_addf(&text, "%s:%d", here->file, here->line) < 0))
		return err_no_memory(e);
	line = image != NULL ? conf_find(image, text.v[0]) : NULL;
	if (line != NULL && *line->value != '\0' && (here == NULL || strcmp(line->value, here->value) != 0))
		return conf_set(source, s->name, line->value, "image", e);
	return here != NULL ? conf_set(source, s->name, here->value, text.v[1], e) : 0;
}

int settings_from_provider(
    struct conf *source, const struct conf *image, const struct provider *provider, struct err *e)
{
	const struct conf_line *line;
	const struct setting *s;

	for (s = table; s < table + N_SETTINGS; s++) {
		if (s->node != NULL && add_node(source, s, image, provider, e) < 0)
			return -1;
		line = s->not_of_user && image != NULL ? conf_find(image, s->name) : NULL;
		if (line != NULL && conf_set(source, s->name, line->value, "image", e) < 0)
			return -1;
	}
	return 0;
}

/* Does PATTERN match all of VALUE? Returns 1, 0, or -1. */
static int matches(const char *pattern, const char *value, struct err *e)
{
	AUTO_WORDS struct words whole = { 0 };
	regex_t compiled;
	int rc;

	if (words_addf(&whole, "^(%s)$", pattern) < 0)
		return err_no_memory(e);
	if (regcomp(&compiled, whole.v[0], REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, "%s: not a regular expression", pattern);
	rc = regexec(&compiled, value, 0, NULL, 0) == 0;
	regfree(&compiled);
	return rc;
}

/* Is VALUE, perhaps "", right for S? Returns 0 or -1. */
static int check(const struct setting *s, const char *value, struct err *e)
{
	int rc;

	if (s->pattern == NULL || (*value == '\0' && s->node != NULL))
		return 0;
	rc = matches(s->pattern, value, e);
	return rc != 0 ? rc - 1 : err_set(e, "%s=%s: must be %s", s->name, value, s->words);
}

/* Sets S to VALUE: of a list, with one blank between words and none at the ends. */
static int set(struct conf *out, const struct setting *s, const char *value, const char *origin, struct err *e)
{
	AUTO_FREE char *text = strdup(value);
	AUTO_WORDS struct words words = { 0 };
	size_t i, n = 0;

	if (!s->list)
		return conf_set(out, s->name, value, origin, e);
	for (i = 0; text != NULL && text[i] != '\0'; i++)
		if (text[i] == ',')
			text[i] = ' ';
	if (text == NULL || words_split(&words, text) < 0)
		return err_no_memory(e);
	text[0] = '\0';
	for (i = 0; i < words.n; i++)
		n += (size_t)sprintf(text + n, "%s%s", i > 0 ? " " : "", words.v[i]);
	return conf_set(out, s->name, text, origin, e);
}

static int resolve(
    struct conf *out, const struct setting *s, const struct conf *const sources[], size_t n, struct err *e)
{
	const struct conf_line *line = NULL;
	const char *value, *origin;
	size_t i;

	for (i = 0; i < n; i++) {
		line = conf_find(sources[i], s->name);
		if (line != NULL && *line->value != '\0')
			break;
		line = NULL;
	}
	value = line != NULL ? line->value : s->initial != NULL ? s->initial : "";
	if (line != NULL)
		origin = line->origin;
	else if (s->pattern != NULL && s->absent == NULL)
		origin = "default";
	else
		origin = s->absent;
	return check(s, value, e) < 0 ? -1 : set(out, s, value, origin, e);
}

int settings_resolve(struct conf *out, const struct conf *const sources[], size_t n, struct err *e)
{
	const struct setting *s;

	for (s = table; s < table + N_SETTINGS; s++)
		if (resolve(out, s, sources, n, e) < 0)
			return -1;
	return 0;
}

void settings_columns(FILE *f, const struct conf *c)
{
	const struct conf_line *l;

	for (l = c->v; l < c->v + c->n; l++)
		if (*l->value != '\0' || l->origin != NULL)
			(void)fprintf(f, "%-18s %-36s %s\n", l->name, *l->value != '\0' ? l->value : "-",
			    l->origin != NULL ? l->origin : "");
}
