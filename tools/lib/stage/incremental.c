#include "stage/incremental.h"

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/readfile.h"
#include "stage/files.h"
#include "stage/runs.h"

/* A file of a stage's inputs. */
struct inputs {
	struct words lines;
	struct words list; /* the words of its list */
};

/* The list of a stage: SECTION.KEY:PATTERN. */
struct list {
	char *conf;          /* "conf SECTION.KEY=" */
	const char *pattern; /* with "%" for a word; points into SPEC */
	char *spec;
};

/* What is looked for, and where. */
struct search {
	const char *dir, *stage;
	struct list list;
	struct inputs new;
	size_t *owner; /* for each line of NEW: the word of its list whose file it names; NEW.list.n: none */
};

static void inputs_free(struct inputs *in)
{
	words_free(&in->lines);
	words_free(&in->list);
}

static void search_free(struct search *s)
{
	inputs_free(&s->new);
	free(s->list.conf);
	free(s->list.spec);
	free(s->owner);
}

/* The value in the line that begins with PREFIX; "" if there is none. */
static const char *value_of(const struct words *lines, const char *prefix)
{
	size_t i;

	for (i = 0; i < lines->n; i++)
		if (strncmp(lines->v[i], prefix, strlen(prefix)) == 0)
			return lines->v[i] + strlen(prefix);
	return "";
}

/* Returns 1, 0 if the stage does not have exactly one list, or -1. */
static int find_list(struct list *l, const struct words *lines, const char *stage, struct err *e)
{
	AUTO_FREE char *prefix = NULL;
	char *colon;

	if (asprintf(&prefix, "conf stage %s.incremental_files=", stage) < 0) {
		prefix = NULL;
		return err_no_memory(e);
	}
	l->spec = strdup(value_of(lines, prefix));
	if (l->spec == NULL)
		return err_no_memory(e);
	colon = strchr(l->spec, ':');
	if (colon == NULL || strchr(l->spec, ' ') != NULL)
		return 0;
	*colon = '\0';
	/* As in inputs.c: neither signs nor a leading slash are part of a file's path. */
	l->pattern = colon + 1 + strspn(colon + 1, STAGEFILES_SIGNS);
	l->pattern += strspn(l->pattern, "/");
	if (asprintf(&l->conf, "conf %s=", l->spec) < 0) {
		l->conf = NULL;
		return err_no_memory(e);
	}
	return 1;
}

/* Writes C so that a regular expression matches it alone. */
static void put_escaped(FILE *f, char c)
{
	if (strchr("\\.[]()+?*^$|{}", c) != NULL)
		(void)fputc('\\', f);
	(void)fputc(c, f);
}

/* Writes the glob(7) pattern, of which {a,b}, "*" and "?" are understood, as a regular expression, WORD for the "%". */
static void put_pattern(FILE *f, const char *pattern, const char *word)
{
	int depth = 0;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '%' && *word != '\0')
			for (; *word != '\0'; word++)
				put_escaped(f, *word);
		else if (*pattern == '*' || *pattern == '?')
			(void)fputs(*pattern == '*' ? "[^/]*" : "[^/]", f);
		else if (*pattern == '{')
			(void)fputc('(', f);
		else if (*pattern == '}' && depth > 0)
			(void)fputc(')', f);
		else if (*pattern == ',' && depth > 0)
			(void)fputc('|', f);
		else
			put_escaped(f, *pattern);
		depth += (*pattern == '{') - (*pattern == '}' && depth > 0);
	}
}

/* Compiles the expression for the lines of the files of WORD. A directory stands for all files in it. */
static int compile(regex_t *expression, const struct list *l, const char *word, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return err_no_memory(e);
	(void)fputs("^file (inherited/)*", f);
	put_pattern(f, l->pattern, word);
	(void)fputs("(/.*)? [^ ]+( [xl])?$", f);
	if (fclose(f) != 0)
		return err_no_memory(e);
	if (regcomp(expression, text, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, "incremental_files: '%s' is not a pattern", l->pattern);
	return 0;
}

/* Sets OWNER. Of several words that a line could belong to it is the first one's. */
static int find_owners(struct search *s, struct err *e)
{
	const struct inputs *new = &s->new;
	regex_t expression;
	size_t i, word;

	s->owner = calloc(new->lines.n + 1, sizeof *s->owner);
	if (s->owner == NULL)
		return err_no_memory(e);
	for (i = 0; i < new->lines.n; i++)
		s->owner[i] = new->list.n;
	for (word = new->list.n; word > 0; word--) {
		if (compile(&expression, &s->list, new->list.v[word - 1], e) < 0)
			return -1;
		for (i = 0; i < new->lines.n; i++)
			if (regexec(&expression, new->lines.v[i], 0, NULL, 0) == 0)
				s->owner[i] = word - 1;
		regfree(&expression);
	}
	return 0;
}

/* Is line I of NEW among the inputs of a run with the first N words of the list? */
static bool is_of_first(const struct search *s, size_t i, size_t n)
{
	if (strncmp(s->new.lines.v[i], s->list.conf, strlen(s->list.conf)) == 0)
		return false;
	return s->owner[i] < n || s->owner[i] == s->new.list.n;
}

/* Does the new list begin with that of OLD, while all else, the files of OLD's list included, is the same? */
static bool begins(const struct search *s, const struct inputs *old)
{
	const struct words *was = &old->lines, *is = &s->new.lines;
	size_t i, k = 0;

	if (old->list.n == 0 || old->list.n >= s->new.list.n)
		return false;
	for (i = 0; i < old->list.n; i++)
		if (strcmp(old->list.v[i], s->new.list.v[i]) != 0)
			return false;
	for (i = 0; i < was->n; i++) {
		if (strncmp(was->v[i], s->list.conf, strlen(s->list.conf)) == 0)
			continue;
		while (k < is->n && !is_of_first(s, k, old->list.n))
			k++;
		if (k == is->n || strcmp(was->v[i], is->v[k++]) != 0)
			return false;
	}
	while (k < is->n && !is_of_first(s, k, old->list.n))
		k++;
	return k == is->n;
}

/* Reads the inputs of the run NAME. Returns 1, 0 if it has none that can be read, or -1. */
static int read_run(struct inputs *in, const struct search *s, const char *name, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct err none;

	if (asprintf(&path, "%s/%s/inputs", s->dir, name) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	if (read_file_words(path, &in->lines, &none) < 0)
		return 0;
	return words_split(&in->list, value_of(&in->lines, s->list.conf)) < 0 ? err_no_memory(e) : 1;
}

/* Do the inputs IN have a line "need STAGE KEY" for the run STAGE.KEY? Its name has only the first digits of the key.
 */
static bool needs_run(const struct inputs *in, const char *stage, const char *run)
{
	size_t n = strlen(stage), i;
	const char *key = run + n + 1, *line;

	for (i = 0; i < in->lines.n; i++) {
		line = in->lines.v[i];
		if (strncmp(line, "need ", 5) == 0 && strncmp(line + 5, stage, n) == 0 && line[5 + n] == ' ' &&
		    strncmp(line + 5 + n + 1, key, strlen(key)) == 0)
			return true;
	}
	return false;
}

/* The run among RUNS whose checkpoint serves RUN: the last one that needs it, else RUN itself. 1, 0: none, or -1. */
static int find_checkpoint(
    const struct search *s, const struct words *runs, const char *run, const char **best, struct err *e)
{
	size_t i;
	int rc;

	*best = run_has(s->dir, run, "checkpoint/conf", NULL) ? run : NULL;
	for (i = 0; i < runs->n; i++) {
		struct inputs in = { 0 };

		if (!run_has(s->dir, runs->v[i], "checkpoint/conf", NULL))
			continue;
		rc = read_run(&in, s, runs->v[i], e);
		if (rc > 0 && needs_run(&in, s->stage, run))
			*best = runs->v[i];
		inputs_free(&in);
		if (rc < 0)
			return -1;
	}
	return *best != NULL;
}

/* Makes RUN the START if it is a better one. */
static int consider(
    const struct search *s, const struct words *runs, const char *run, struct words *start, struct err *e)
{
	struct inputs old = { 0 };
	const char *best;
	size_t i;
	int rc = run_has(s->dir, run, "stamp", NULL) ? read_run(&old, s, run, e) : 0;

	/* The first word of START is the checkpoint. */
	if (rc > 0 && begins(s, &old) && old.list.n + 1 > start->n)
		rc = find_checkpoint(s, runs, run, &best, e);
	else if (rc > 0)
		rc = 0;
	if (rc > 0) {
		words_free(start);
		rc = words_addf(start, "%s/%s/checkpoint", s->dir, best);
		for (i = 0; rc == 0 && i < old.list.n; i++)
			rc = words_add(start, old.list.v[i]);
		if (rc < 0)
			(void)err_no_memory(e);
	}
	inputs_free(&old);
	return rc < 0 ? -1 : 0;
}

static int look(struct search *s, const char *key, struct words *start, struct err *e)
{
	AUTO_WORDS struct words runs = { 0 };
	AUTO_FREE char *path = NULL;
	size_t i, n = strlen(s->stage);
	int rc;

	if (asprintf(&path, "%s/inputs/%s.%s", s->dir, s->stage, key) < 0) {
		path = NULL;
		return err_no_memory(e);
	}
	if (read_file_words(path, &s->new.lines, e) < 0)
		return -1;
	rc = find_list(&s->list, &s->new.lines, s->stage, e);
	if (rc <= 0)
		return rc;
	if (words_split(&s->new.list, value_of(&s->new.lines, s->list.conf)) < 0)
		return err_no_memory(e);
	if (find_owners(s, e) < 0 || runs_list(&runs, s->dir, NULL, e) < 0)
		return -1;
	for (i = 0; i < runs.n; i++)
		if (strncmp(runs.v[i], s->stage, n) == 0 && runs.v[i][n] == '.' &&
		    consider(s, &runs, runs.v[i], start, e) < 0)
			return -1;
	return 0;
}

int incremental_start(struct words *start, const char *dir, const char *stage, const char *key, struct err *e)
{
	struct search s = { .dir = dir, .stage = stage };
	int rc = look(&s, key, start, e);

	search_free(&s);
	return rc;
}
