#include "stage/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "stage/runs.h"

/* A line, split into its subject ("file a/b", "conf node.memory") and its value. */
struct input {
	char *subject, *value;
	bool shown; /* VALUE is readable: not a digest */
	bool matched;
};

/* Initialize to zero. */
struct inputs {
	struct input *v;
	size_t n;
};

enum { DIGITS = SHA256_HEX - 1 };

/*
 * The offset of the separator after the subject. A path may have blanks, so a line of kind file is split from its end:
 * a digest and possibly a mark. Returns 0 for an invalid line.
 */
static size_t cut(const char *line, bool *shown)
{
	size_t kind = strcspn(line, " "), len = strlen(line), end;

	*shown = true;
	if (strncmp(line, "stage ", kind + 1) == 0)
		return kind;
	if (strncmp(line, "tool ", kind + 1) == 0)
		return kind + 1 + strcspn(line + kind + 1, " ");
	if (strncmp(line, "conf ", kind + 1) == 0)
		return strcspn(line, "=");
	*shown = false;
	if (strncmp(line, "script ", kind + 1) != 0 && strncmp(line, "file ", kind + 1) != 0 &&
	    strncmp(line, "need ", kind + 1) != 0)
		return 0;
	if (len > 2 && line[len - 2] == ' ')
		len -= 2;
	/* "KIND SUBJECT DIGEST" */
	if (len < kind + 1 + 1 + 1 + DIGITS)
		return 0;
	end = len - DIGITS - 1;
	return line[end] == ' ' && strspn(line + end + 1, "0123456789abcdef") == DIGITS ? end : 0;
}

static int take_line(struct inputs *in, char *line, const char *path, struct err *e)
{
	struct input *v = reallocarray(in->v, in->n + 1, sizeof *v);
	size_t end;

	if (v == NULL)
		return err_no_memory(e);
	in->v = v;
	v = &in->v[in->n];
	*v = (struct input){ 0 };
	line[strcspn(line, "\n")] = '\0';
	end = utf8_is_line(line) ? cut(line, &v->shown) : 0;
	if (end == 0 || line[end] == '\0')
		return err_set(e, "%s:%zu: not a line of a stage's inputs", path, in->n + 1);
	in->n++;
	v->subject = strndup(line, end);
	v->value = strdup(line + end + 1);
	return v->subject == NULL || v->value == NULL ? err_no_memory(e) : 0;
}

/* Unlike read_file_lines, which skips empty lines: here they are errors. */
static int read_inputs(struct inputs *in, const char *path, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t room = 0;

	if (f == NULL)
		return err_sys(e, "%s", path);
	while (getline(&line, &room, f) >= 0)
		if (take_line(in, line, path, e) < 0)
			return -1;
	return ferror(f) ? err_sys(e, "%s", path) : 0;
}

static void inputs_free(struct inputs *in)
{
	size_t i;

	for (i = 0; i < in->n; i++) {
		free(in->v[i].subject);
		free(in->v[i].value);
	}
	free(in->v);
}

/* Only the mark after the digest differs. */
static bool same_digest(const char *a, const char *b)
{
	return strncmp(a, b, DIGITS) == 0;
}

/* Adds the line for a subject whose value changed from WAS to IS; NULL: it had or has none. */
static int tell(struct words *text, const struct input *of, const char *was, const char *is)
{
	if (of->shown)
		return words_addf(
		    text, "%s: %s -> %s", of->subject, was != NULL ? was : "(unset)", is != NULL ? is : "(unset)");
	if (was == NULL)
		return words_addf(text, "%s added", of->subject);
	if (is == NULL)
		return words_addf(text, "%s removed", of->subject);
	return words_addf(text, "%s changed%s", of->subject, same_digest(was, is) ? " its mode" : "");
}

/* A line of NEW with the subject of WAS, preferably with the same value; NULL if there is none. */
static struct input *find_match(const struct inputs *new, const struct input *was)
{
	struct input *match = NULL;
	size_t i;

	for (i = 0; i < new->n; i++) {
		if (new->v[i].matched || strcmp(new->v[i].subject, was->subject) != 0)
			continue;
		if (strcmp(new->v[i].value, was->value) == 0)
			return &new->v[i];
		if (match == NULL)
			match = &new->v[i];
	}
	return match;
}

static int compare(struct words *text, const struct inputs *old, const struct inputs *new)
{
	struct input *is;
	size_t i;

	for (i = 0; i < old->n; i++) {
		is = find_match(new, &old->v[i]);
		if (is != NULL)
			is->matched = true;
		if (is != NULL && strcmp(is->value, old->v[i].value) == 0)
			continue;
		if (tell(text, &old->v[i], old->v[i].value, is != NULL ? is->value : NULL) < 0)
			return -1;
	}
	for (i = 0; i < new->n; i++)
		if (!new->v[i].matched && tell(text, &new->v[i], NULL, new->v[i].value) < 0)
			return -1;
	return 0;
}

int why_differ(struct words *text, const char *old, const char *new, struct err *e)
{
	struct inputs was = { 0 }, is = { 0 };
	int rc;

	rc = read_inputs(&was, old, e);
	if (rc == 0)
		rc = read_inputs(&is, new, e);
	if (rc == 0 && compare(text, &was, &is) < 0)
		rc = err_no_memory(e);
	inputs_free(&was);
	inputs_free(&is);
	return rc;
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The run among RUNS that was completed last, at TIME; NULL if none was. */
static const char *last_run(const struct words *runs, const char *dir, struct timespec *time)
{
	const char *last = NULL;
	struct timespec of;
	size_t i;

	for (i = 0; i < runs->n; i++)
		if (run_has(dir, runs->v[i], "stamp", &of) && (last == NULL || is_newer(&of, time))) {
			last = runs->v[i];
			*time = of;
		}
	return last;
}

/* Adds the differences between the inputs of LAST and those of KEY. */
static int add_changes(struct words *text, const char *dir, const char *last, const char *stage, const char *key,
    const struct timespec *time, struct err *e)
{
	AUTO_WORDS struct words paths = { 0 }, changes = { 0 };
	char date[64];
	struct tm tm;
	size_t i;

	if (words_addf(&paths, "%s/%s/inputs", dir, last) < 0 ||
	    words_addf(&paths, "%s/inputs/%s.%s", dir, stage, key) < 0)
		return err_no_memory(e);
	if (why_differ(&changes, paths.v[0], paths.v[1], e) < 0)
		return -1;
	if (localtime_r(&time->tv_sec, &tm) == NULL || strftime(date, sizeof date, "%F %T", &tm) == 0)
		return err_set(e, "%s/%s/stamp: its time is not a date", dir, last);
	if (words_addf(text, "%s will run; changed since %s:", stage, date) < 0)
		return err_no_memory(e);
	for (i = 0; i < changes.n; i++)
		if (words_addf(text, "  %s", changes.v[i]) < 0)
			return err_no_memory(e);
	return 0;
}

int why_run(struct words *text, const char *dir, const char *stage, const char *key, struct err *e)
{
	AUTO_WORDS struct words runs = { 0 };
	AUTO_FREE char *name = NULL;
	struct timespec time;
	const char *last;
	int rc;

	if (asprintf(&name, "%s.%s", stage, key) < 0) {
		name = NULL;
		return err_no_memory(e);
	}
	if (runs_list(&runs, dir, stage, e) < 0)
		return -1;
	last = last_run(&runs, dir, &time);
	if (run_has(dir, name, "stamp", NULL))
		rc = words_addf(text, "%s is up to date (%s/%s)", stage, dir, name);
	else if (last == NULL)
		rc = words_addf(text, "%s has not completed before", stage);
	else
		return add_changes(text, dir, last, stage, key, &time, e);
	return rc < 0 ? err_no_memory(e) : 0;
}
